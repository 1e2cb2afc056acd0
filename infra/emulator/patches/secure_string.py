"""SSM: a SecureString read without decryption is not the secret.

Reason: moto answers `kms:<key>:<plain text>`, so whoever reads metadata only would hold the secret after all, and
the checks that look for leaked values would find it in places where AWS shows ciphertext.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

from base64 import b64encode
from functools import wraps
from hashlib import sha512
from typing import Any

from infra.emulator.patches import contract


def apply() -> None:
    """Answer an opaque text in place of moto's readable ciphertext."""
    from moto.ssm.models import Parameter

    original = contract.require(Parameter, "response_object", ("self", "decrypt", "region"))

    @wraps(original)
    def response_object(self: Any, decrypt: bool = False, region: str | None = None) -> dict[str, Any]:
        answer = dict(original(self, decrypt, region))
        if self.parameter_type == "SecureString" and not decrypt:
            answer["Value"] = b64encode(sha512(f"{self.name}\0{self.version}\0{self.value}".encode()).digest()).decode()
        return answer

    Parameter.response_object = response_object
