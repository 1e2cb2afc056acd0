"""A secret parameter is read by whoever can decrypt it: under SSM's own key, or the platform's with what that needs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.probes.identity import RoleFacts
from infra.probes.parameter_keys import SSM_KEY, ParameterKeys
from infra.probes.policy import read_statements
from infra.probes.secret_paths import PathFacts, read_secret_paths

PATH = "/fraud-platform/dev_full/ig/api_key"
ALIAS = "alias/fraud-platform-dev-full"
DECRYPT = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}


class Case:
    """An account with its platform key, a role, and a parameter."""

    def __init__(self, world: Any) -> None:
        self.clients = world.clients
        self.kms, self.ssm = world.clients.client("kms"), world.clients.client("ssm")
        self.role_arn = f"arn:aws:iam::{world.clients.account_id}:role/reader"
        self.root = f"arn:aws:iam::{world.clients.account_id}:root"
        self.key_id = self.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"]
        self.platform = self.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]

    def put(self, key_id: str | None) -> PathFacts:
        """Writes the parameter under a key, and returns what SSM says of it."""
        key = {} if key_id is None else {"KeyId": key_id}
        self.ssm.put_parameter(Name=PATH, Type="SecureString", Value="secret", Overwrite=True, **key)
        return read_secret_paths(self.clients, [PATH])[PATH]

    def judged(self, facts: PathFacts, *statements: dict[str, Any]) -> tuple[str, bool]:
        """What is wrong with the key, and whether a role with such a policy decrypts."""
        read = read_statements("inline", {"Statement": list(statements)})[0] if statements else ()
        role = RoleFacts("ROLE_READER", self.role_arn, exists=True, drift=(), statements=read)
        keys = ParameterKeys(self.clients, ALIAS, {"ROLE_READER": role})
        return keys.flaw(facts), keys.decrypts(facts, role)

    def policy(self, *statements: dict[str, Any]) -> None:
        """Gives the platform key a policy."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.kms.put_key_policy(KeyId=self.key_id, PolicyName="default", Policy=document)


@pytest.fixture
def case(own_world: Any) -> Case:
    return Case(own_world)


def test_ssm_s_own_key_needs_no_permission_and_bears_no_denial(case: Case) -> None:
    facts = case.put(None)
    assert facts.key_id == SSM_KEY
    assert case.judged(facts) == ("", True)
    assert case.judged(facts, DENY) == ("", False)
    assert case.judged(facts, {**DENY, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}) == ("", False)
    assert case.judged(facts, {**DENY, "Action": "s3:*"}) == ("", True)
    assert case.judged(replace(facts, type="String", key_id=None), DENY) == ("", True)
    assert case.judged(replace(facts, key_id=None)) == ("SSM does not tell which key it is encrypted under", False)


def test_the_platforms_key_needs_a_certain_permission(case: Case) -> None:
    facts = case.put(case.platform)
    assert case.judged(facts) == ("", False)
    assert case.judged(facts, DECRYPT) == ("", True)
    assert case.judged(facts, {**DECRYPT, "Resource": case.platform}) == ("", True)
    assert case.judged(facts, {**DECRYPT, "Resource": f"{case.platform[:-1]}x"}) == ("", False)
    assert case.judged(facts, {**DECRYPT, "Condition": {"StringEquals": {"kms:ViaService": "s3"}}}) == ("", False)
    assert case.judged(facts, DECRYPT, DENY) == ("", False)


def test_the_policy_of_the_platforms_key_counts(case: Case) -> None:
    facts = case.put(case.platform)
    to_root = {"Effect": "Allow", "Principal": {"AWS": case.root}, "Action": "kms:*", "Resource": "*"}
    to_role = {"Effect": "Allow", "Principal": {"AWS": [case.role_arn]}, "Action": "kms:Decrypt", "Resource": "*"}
    case.policy(to_role)
    assert case.judged(facts) == ("", True)
    case.policy({**to_role, "Principal": {"AWS": f"{case.role_arn}-other"}})
    assert case.judged(facts, DECRYPT) == ("", False)  # nothing hands it to the account's own policies
    case.policy({**to_root, "Condition": {"StringEquals": {"kms:ViaService": "s3"}}})
    assert case.judged(facts, DECRYPT) == ("", False)
    case.policy(to_root, {**DENY, "Action": "kms:Decrypt", "Principal": "*"})
    assert case.judged(facts, DECRYPT) == ("", False)
    case.policy(to_root, to_role)
    assert case.judged(facts, DECRYPT) == ("", True)


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_key_that_is_not_enabled_decrypts_nothing(case: Case, state: str) -> None:
    facts = case.put(case.platform)
    if state == "Disabled":
        case.kms.disable_key(KeyId=case.key_id)
    else:
        case.kms.schedule_key_deletion(KeyId=case.key_id)
    assert case.judged(facts, DECRYPT) == (f"its key {case.platform} is {state}", False)


def test_a_key_of_somebody_else_is_none_to_count_on(case: Case, substrate: Any) -> None:
    own = case.kms.create_key()["KeyMetadata"]["KeyId"]
    flaw, reads = case.judged(case.put(own), DECRYPT)
    assert (flaw, reads) == (f"its key {own} is neither {SSM_KEY} nor {ALIAS}", False)
    other = substrate.clients(substrate.worlds.fresh_account())
    strange = [
        other.client("kms").create_key()["KeyMetadata"]["Arn"],
        case.platform.replace(":eu-west-2:", ":us-east-1:"),
        "alias/nobody",
        "",
    ]
    for key_id in strange:
        flaw, reads = case.judged(replace(case.put(None), key_id=key_id), DECRYPT)
        said = "is of another account or region" if key_id.startswith("arn:") else "cannot be looked at"
        assert flaw.startswith(f"its key {key_id} {said}"), flaw
        assert not reads


def test_an_alias_that_may_have_moved_since_tells_no_key(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = case.put(ALIAS)
    assert facts.modified is not None
    aliases: list[dict[str, Any]] = [{"AliasName": ALIAS}]
    case.kms.meta.events.register("after-call.kms.ListAliases", lambda parsed, **_: parsed.update(Aliases=aliases))
    unsure = (f"its key {ALIAS} is an alias that may have named another key when the value was written", False)
    assert case.judged(facts, DECRYPT) == unsure
    aliases[0]["LastUpdatedDate"] = facts.modified + timedelta(seconds=1)
    assert case.judged(facts, DECRYPT) == unsure
    aliases[0]["LastUpdatedDate"] = facts.modified - timedelta(days=1)
    assert case.judged(facts, DECRYPT) == ("", True)
    aliases[0] = {"AliasName": ALIAS, "CreationDate": datetime(2020, 1, 1, tzinfo=UTC)}
    assert case.judged(facts, DECRYPT) == ("", True)
    case.kms.update_alias(AliasName=ALIAS, TargetKeyId=case.kms.create_key()["KeyMetadata"]["KeyId"])
    assert case.judged(replace(facts, key_id=case.platform), DECRYPT)[0].endswith(f"is neither {SSM_KEY} nor {ALIAS}")


def test_a_key_whose_policy_cannot_be_read_decrypts_nothing(case: Case, own_world: Any) -> None:
    facts = case.put(case.platform)
    with own_world.fault(service="kms", operation="GetKeyPolicy", status=403):
        flaw, reads = case.judged(facts, DECRYPT)
    assert "cannot be looked at: ACCESS_DENIED" in flaw
    assert not reads
