"""The keys that secret parameters are encrypted under: whoever reads a parameter must be able to decrypt it too.

A parameter is under the account's own key of SSM, whose policy lets everybody decrypt who may read the parameter, or
under the platform's key, which has to be enabled and to let each reader decrypt for certain. Any other key is
somebody else's, who may take it away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from infra.clients import Clients
from infra.probes.classify import classify, explain
from infra.probes.identity import RoleFacts
from infra.probes.policy import Allowance, Statement, may_deny, permits, read_statements
from infra.probes.secret_paths import PathFacts

DECRYPT_ACTION: Final = "kms:Decrypt"
SSM_KEY: Final = "alias/aws/ssm"
"""The key that SSM takes where no other is named."""
SECURE: Final = "SecureString"


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key as KMS describes it.

    Attributes:
        arn: Its ARN.
        flaw: Why nobody can count on it; empty where one can.
        to_account: What its policy lets the account's own policies grant.
        to_roles: What its policy grants or denies to roles themselves, by the role's ARN.
    """

    arn: str
    flaw: str = ""
    to_account: tuple[Statement, ...] = ()
    to_roles: Mapping[str, tuple[Statement, ...]] | None = None


class ParameterKeys:
    """The keys of an account's parameters.

    Args:
        clients: The account's clients.
        platform_alias: The alias of the platform's key.
        roles: The roles that read parameters, as IAM has them.
    """

    def __init__(self, clients: Clients, platform_alias: str, roles: Mapping[str, RoleFacts]) -> None:
        self._clients = clients
        self._platform_alias = platform_alias
        self._roles = roles
        self._known: dict[str, KeyFacts] = {}
        self._here = f"arn:aws:kms:{clients.region}:{clients.account_id}:"

    def flaw(self, facts: PathFacts) -> str:
        """Why nobody can count on the key of a parameter; empty where one can, or where the parameter has none."""
        if facts.type != SECURE or self._is_ssm(facts.key_id):
            return ""
        if facts.key_id is None:
            return "SSM does not tell which key it is encrypted under"
        key, own = self._key(facts.key_id), self._key(self._platform_alias)
        if key.flaw:
            return f"its key {facts.key_id} {key.flaw}"
        if own.flaw or key.arn != own.arn:
            return f"its key {facts.key_id} is neither {SSM_KEY} nor {self._platform_alias}"
        return self._alias_flaw(facts)

    def decrypts(self, facts: PathFacts, role: RoleFacts) -> bool:
        """Whether a role certainly decrypts a parameter that it may read."""
        if facts.type != SECURE:
            return True
        if self.flaw(facts) or facts.key_id is None:
            return False
        if self._is_ssm(facts.key_id):
            return not may_deny(role.statements, Allowance(DECRYPT_ACTION, f"{self._here}key/*"))
        key = self._key(facts.key_id)
        wanted = Allowance(DECRYPT_ACTION, key.arn)
        if may_deny(role.statements, wanted):
            return False
        return permits((key.to_roles or {}).get(role.arn, ()), wanted) or (
            permits(key.to_account, wanted) and permits(role.statements, wanted)
        )

    def _is_ssm(self, key_id: str | None) -> bool:
        return key_id in (SSM_KEY, f"{self._here}{SSM_KEY}")

    def _key(self, key_id: str) -> KeyFacts:
        if key_id not in self._known:
            try:
                self._known[key_id] = self._read(key_id)
            except Exception as error:  # noqa: BLE001 - a key that cannot be looked at is none to count on
                found = classify(error, embedded=self._clients.substrate == "embedded").value
                self._known[key_id] = KeyFacts("", f"cannot be looked at: {found}: {explain(error)}")
        return self._known[key_id]

    def _read(self, key_id: str) -> KeyFacts:
        if key_id.startswith("arn:") and not key_id.startswith(self._here):
            return KeyFacts(key_id, "is of another account or region")
        kms = self._clients.client("kms")
        found: Any = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        arn, state = str(found["Arn"]), str(found["KeyState"])
        if not arn.startswith(self._here):
            return KeyFacts(arn, f"is of another account or region: {arn}")
        if state != "Enabled":
            return KeyFacts(arn, f"is {state}")
        policy: Any = json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
        root = f"arn:aws:iam::{self._clients.account_id}:root"
        arns = {role.arn for role in self._roles.values()}
        return KeyFacts(
            arn,
            to_account=_statements_for(policy, {root, self._clients.account_id}),
            to_roles={role: _statements_for(policy, {role}) for role in arns},
        )

    def _alias_flaw(self, facts: PathFacts) -> str:
        """Why an alias does not tell the key: a value stays under the key that its alias named when it was written."""
        if facts.key_id is None or not facts.key_id.rpartition(":")[2].startswith("alias/"):
            return ""
        name = facts.key_id.rpartition(":")[2]
        try:
            pages = self._clients.client("kms").get_paginator("list_aliases").paginate()
            alias: Any = next((item for page in pages for item in page["Aliases"] if item["AliasName"] == name), {})
        except Exception as error:  # noqa: BLE001 - an alias that cannot be looked at tells no key
            return f"its key {facts.key_id} is an alias that cannot be looked at: {explain(error)}"
        moved = alias.get("LastUpdatedDate") or alias.get("CreationDate")
        if isinstance(moved, datetime) and facts.modified is not None and moved <= facts.modified:
            return ""
        return f"its key {facts.key_id} is an alias that may have named another key when the value was written"


def _statements_for(policy: Any, principals: set[str]) -> tuple[Statement, ...]:
    """The statements of a key's policy that grant something to principals, and all that deny anything to anybody."""
    rows = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    kept = [
        {part: value for part, value in row.items() if part not in ("Principal", "NotPrincipal")}
        for row in rows
        if row.get("Effect") != "Allow" or principals & _named(row.get("Principal"))
    ]
    if not kept:
        return ()
    statements, flaws = read_statements("the key's policy", {"Statement": kept})
    if flaws:
        raise ValueError("; ".join(flaws))
    return statements


def _named(principal: Any) -> set[str]:
    names = principal.get("AWS", []) if isinstance(principal, dict) else []
    return set(names if isinstance(names, list) else [names])
