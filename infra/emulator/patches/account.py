"""The access key names the world: a key of twelve digits is the account id.

Reason: moto puts every request with an unknown key into one default account, and recognises only keys of twenty
characters. With the account id as the access key, ordinary environment credentials isolate any SDK, the AWS CLI
and any Lambda process, without a header that only our own clients would send. Keys that moto itself issued (users,
assumed roles) keep the account they were issued in.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

from typing import Any

from infra.emulator.aws_request import access_key_of, is_account_id
from infra.emulator.patches import contract


def apply() -> None:
    """Let moto read twelve-digit keys, and take them for the account."""
    from moto.core.responses import BaseResponse
    from moto.iam import models

    issued_account = contract.require(models, "get_account_id_from", ("access_key",))
    issued_key = contract.require(BaseResponse, "get_access_key", ("self",))

    def get_account_id_from(access_key: str) -> str:
        return access_key if is_account_id(access_key) else str(issued_account(access_key))

    def get_access_key(self: Any) -> str:
        presigned = self.querystring.get("X-Amz-Credential") or [None]
        key = access_key_of(self.headers.get("Authorization"), presigned[0])
        return key if key is not None and is_account_id(key) else str(issued_key(self))

    models.get_account_id_from = get_account_id_from
    BaseResponse.get_access_key = get_access_key
