"""A deployed function as the control plane has it at this moment."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property

RUNTIME_PREFIX = "python3."
_RUNTIME = re.compile(r"python3\.[0-9]{1,2}")


@dataclass(frozen=True)
class Function:
    """What running a function takes.

    Attributes:
        arn: Its ARN.
        name: Its name.
        account_id: Its account.
        region: Its region.
        role: The ARN of the role that it acts as.
        runtime: Its runtime, such as `python3.12`; empty for an image.
        handler: Module and name of its handler.
        code: Its deployment package.
        environment: Its variables.
        timeout_s: How many seconds an invocation may take.
        memory_mb: Its memory in MiB.
        reserved: How many invocations may run at once; None where nothing is reserved for it.
    """

    arn: str
    name: str
    account_id: str
    region: str
    role: str
    runtime: str
    handler: str
    code: bytes = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    timeout_s: float
    memory_mb: int
    reserved: int | None

    @property
    def runnable(self) -> bool:
        """Whether it is Python code, which is all that runs here."""
        return _RUNTIME.fullmatch(self.runtime) is not None and bool(self.code)

    @property
    def log_group(self) -> str:
        """Where what it prints goes."""
        return f"/aws/lambda/{self.name}"

    @cached_property
    def code_sha256(self) -> str:
        """Digest of its package."""
        return hashlib.sha256(self.code).hexdigest()

    @cached_property
    def version(self) -> tuple[str, str]:
        """Tells apart what may not share a process: its ARN, and a digest of code, settings and variables."""
        settings = json.dumps([self.role, self.runtime, self.handler, self.memory_mb, self.environment], sort_keys=True)
        return self.arn, hashlib.sha256(f"{self.code_sha256}:{settings}".encode()).hexdigest()
