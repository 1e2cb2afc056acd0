"""What a policy allows stays within its grants, and nothing that widens or narrows it goes unseen."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.probes.globs import matches, parse
from infra.probes.policy import Allowance, over_reach, permits, read_statements, under_reach
from infra.probes.trust import trust_drift

untimed = settings(deadline=None)

GRANTED = [
    Allowance("ssm:GetParameter", "arn:aws:ssm:eu-west-2:1:parameter/fp/*"),
    Allowance("ssm:GetParameters", "arn:aws:ssm:eu-west-2:1:parameter/fp/*"),
    Allowance("sqs:SendMessage", "arn:aws:sqs:eu-west-2:1:dlq"),
]
PARAMETER = "arn:aws:ssm:eu-west-2:1:parameter/fp/one"

actions = st.sampled_from(["s:a", "s:b", "s:*", "*", "s:?", "S:A", "t:a"])
resources = st.sampled_from(["r/a", "r/b", "r/*", "*", "r/?", "q/a"])
allowances = st.builds(Allowance, actions, resources)


def statement(effect: str = "Allow", **parts: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "ssm:GetParameter", "Resource": PARAMETER} | parts


def read(*statements: Any) -> tuple[Any, ...]:
    found, flaws = read_statements("inline policy p", {"Version": "2012-10-17", "Statement": list(statements)})
    assert flaws == ()
    return found


def reach(*statements: Any) -> list[str]:
    return over_reach(read(*statements), GRANTED)


def test_what_stays_within_the_grants_is_no_over_reach() -> None:
    assert reach(statement(), statement(Action=["SSM:getparameters"])) == []
    assert reach(statement(Action="sqs:SendMessage", Resource="arn:aws:sqs:eu-west-2:1:dlq")) == []


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"Action": "*", "Resource": "*"}, "* on *"),
        ({"Action": "iam:*", "Resource": "*"}, "iam:* on *"),
        ({"Action": "ssm:*"}, f"ssm:* on {PARAMETER}"),
        ({"Action": "ssm:Get*"}, f"ssm:Get* on {PARAMETER}"),
        ({"Resource": "*"}, "ssm:GetParameter on *"),
        ({"Resource": "arn:aws:ssm:*:1:parameter/fp/one"}, "ssm:GetParameter on arn:aws:ssm:*:1:parameter/fp/one"),
        ({"Resource": [PARAMETER, "arn:aws:sqs:eu-west-2:1:dlq"]}, "ssm:GetParameter on arn:aws:sqs:eu-west-2:1:dlq"),
        ({"Action": ["ssm:GetParameter", "ssm:PutParameter"]}, f"ssm:PutParameter on {PARAMETER}"),
    ],
)
def test_what_goes_beyond_the_grants_is_named_with_its_statement(parts: dict[str, Any], what: str) -> None:
    assert reach(statement(), statement(Sid="Wide", **parts)) == [f"{what} (inline policy p, statement 2 (Wide))"]


def test_an_allow_by_exclusion_is_over_reach_whatever_it_excludes() -> None:
    item = {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": PARAMETER}
    assert reach(item) == [f"everything but iam:* on {PARAMETER} (inline policy p, statement 1)"]
    item = {"Effect": "Allow", "Action": "ssm:GetParameter", "NotResource": "arn:*"}
    assert reach(item) == ["ssm:GetParameter on everything but arn:* (inline policy p, statement 1)"]


def test_a_condition_does_not_excuse_over_reach() -> None:
    assert reach(statement(Action="iam:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))


def test_a_policy_variable_may_be_any_text() -> None:
    inside = "arn:aws:ssm:eu-west-2:1:parameter/fp/${aws:username}/x"
    assert reach(statement(Resource=inside)) == []
    assert reach(statement(Resource="arn:aws:ssm:eu-west-2:1:parameter/${aws:username}"))
    escaped = "arn:aws:ssm:eu-west-2:1:parameter/fp/${*}"
    assert reach(statement(Resource=escaped)) == []
    wanted = Allowance("ssm:GetParameter", "arn:aws:ssm:eu-west-2:1:parameter/fp/somebody/x")
    assert not permits(read(statement(Resource=inside)), wanted)


def test_a_deny_is_no_over_reach() -> None:
    assert reach(statement("Deny", Action="*", Resource="*")) == []


def test_a_missing_grant_is_named_with_what_takes_it_away() -> None:
    wanted = [Allowance("ssm:GetParameter", PARAMETER)]
    assert under_reach(read(statement()), wanted) == []
    assert under_reach(read(statement(Action="ssm:*", Resource="*")), wanted) == []
    assert under_reach((), wanted) == [f"ssm:GetParameter on {PARAMETER}"]
    denied = read(statement(), statement("Deny", Action="ssm:*", Resource="*"))
    assert under_reach(denied, wanted) == [
        f"ssm:GetParameter on {PARAMETER} (denied by inline policy p, statement 2)",
    ]
    conditional = read(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    assert under_reach(conditional, wanted) == [
        f"ssm:GetParameter on {PARAMETER} (allowed under a condition by inline policy p, statement 1)",
    ]


def test_an_allow_by_exclusion_permits_what_it_leaves_in() -> None:
    wanted = Allowance("ssm:GetParameter", PARAMETER)
    other = "arn:aws:sqs:eu-west-2:1:dlq"
    assert permits(read({"Effect": "Allow", "NotAction": "iam:*", "NotResource": other}), wanted)
    assert not permits(read({"Effect": "Allow", "NotAction": "ssm:*", "NotResource": other}), wanted)
    assert not permits(read({"Effect": "Allow", "Action": "ssm:*", "NotResource": f"{PARAMETER}*"}), wanted)


def test_half_of_a_grants_resources_is_not_the_grant() -> None:
    (grant, *_) = GRANTED
    assert under_reach(read(statement()), [grant]) == [str(grant)]
    both = read(
        statement(Resource="arn:aws:ssm:eu-west-2:1:parameter/fp/a*"),
        statement(Resource=["arn:aws:ssm:eu-west-2:1:parameter/fp/*"]),
    )
    assert under_reach(both, [grant]) == []


def test_a_deny_by_exclusion_spares_what_it_names() -> None:
    allow = statement()
    spared = {"Effect": "Deny", "NotAction": ["ssm:GetParameter"], "Resource": "*"}
    struck = {"Effect": "Deny", "NotAction": ["ssm:PutParameter"], "Resource": "*"}
    wanted = Allowance("ssm:GetParameter", PARAMETER)
    assert permits(read(allow, spared), wanted)
    assert not permits(read(allow, struck), wanted)
    beside = {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:ssm:eu-west-2:1:parameter/fp/*"}
    assert permits(read(allow, beside), wanted)


@untimed
@given(allowed=st.lists(allowances, min_size=1, max_size=4), granted=st.lists(allowances, max_size=4))
def test_no_over_reach_means_that_every_allowed_request_is_granted(
    allowed: list[Allowance], granted: list[Allowance]
) -> None:
    statements = read(*({"Effect": "Allow", "Action": item.action, "Resource": item.resource} for item in allowed))
    if over_reach(statements, granted):
        return
    for action in ("s:a", "s:b", "s:c", "t:a", "u:x"):
        for resource in ("r/a", "r/b", "r/c", "q/a", "x"):
            if any(_allows(item, action, resource) for item in allowed):
                assert any(_allows(item, action, resource) for item in granted), (action, resource)


@untimed
@given(
    allowed=st.lists(allowances, min_size=1, max_size=4),
    denied=st.lists(allowances, max_size=2),
    wanted=allowances,
)
def test_what_is_permitted_is_allowed_on_every_request_and_denied_on_none(
    allowed: list[Allowance], denied: list[Allowance], wanted: Allowance
) -> None:
    def item(effect: str, one: Allowance) -> dict[str, str]:
        return {"Effect": effect, "Action": one.action, "Resource": one.resource}

    statements = read(*(item("Allow", one) for one in allowed), *(item("Deny", one) for one in denied))
    if not permits(statements, wanted):
        return
    for action in ("s:a", "s:b", "s:c", "t:a", "u:x"):
        for resource in ("r/a", "r/b", "r/c", "q/a", "x"):
            if _allows(wanted, action, resource):
                assert any(_allows(one, action, resource) for one in allowed)
                assert not any(_allows(one, action, resource) for one in denied)


def _allows(item: Allowance, action: str, resource: str) -> bool:
    return matches(parse(item.action.lower()), action) and matches(parse(item.resource), resource)


@pytest.mark.parametrize(
    ("item", "flaw"),
    [
        ("text", "is not an object"),
        (statement("allow"), "has the effect 'allow'"),
        ({"Action": "a:b", "Resource": "*"}, "has the effect None"),
        (statement(NotAction="x:y"), "must have one of Action and NotAction"),
        ({"Effect": "Allow", "Action": "a:b"}, "must have one of Resource and NotResource"),
        (statement(Action=[]), "has no readable Action"),
        (statement(Action=[7]), "has no readable Action"),
        (statement(Resource={"a": 1}), "has no readable Resource"),
        (statement(Principal="*"), "has the unknown part Principal"),
    ],
)
def test_a_statement_that_cannot_be_read_is_said_to_be(item: Any, flaw: str) -> None:
    statements, flaws = read_statements("inline policy p", {"Statement": [item]})
    assert statements == ()
    assert flaws == (f"inline policy p, statement 1 {flaw}",)


def test_documents_come_parsed_as_json_and_quoted() -> None:
    document = {"Statement": statement()}
    parsed = read_statements("p", document)
    assert read_statements("p", json.dumps(document)) == parsed
    assert read_statements("p", quote(json.dumps(document))) == parsed
    for bad in ("{", None, [], {}, {"Statement": []}, 7):
        assert read_statements("p", bad)[1]


@untimed
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["Statement", "Effect", "Action", "Resource", "Principal"]), inner)
        ),
        max_leaves=10,
    )
)
@example(document={"Statement": {"Effect": []}})
def test_no_document_breaks_the_comparison(document: Any) -> None:
    statements, _ = read_statements("p", document)
    over_reach(statements, GRANTED)
    under_reach(statements, GRANTED)
    trust_drift(document, document)


TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
WEB = {
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::000000000000:oidc-provider/issuer/id"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {"issuer/id:aud": "sts.amazonaws.com", "issuer/id:sub": "system:serviceaccount:ns:name"}
    },
}


def trust(*statements: Any) -> dict[str, Any]:
    return {"Statement": list(statements)}


def test_trust_is_equal_however_it_is_written() -> None:
    assert trust_drift(trust(TRUST), trust(TRUST)) == []
    assert trust_drift({"Statement": TRUST | {"Sid": "x", "Action": ["STS:assumerole"]}}, trust(TRUST)) == []
    two = TRUST | {"Principal": {"Service": ["a.amazonaws.com", "b.amazonaws.com"]}}
    split = [TRUST | {"Principal": {"Service": [name]}} for name in ("b.amazonaws.com", "a.amazonaws.com")]
    assert trust_drift(trust(*split), trust(two)) == []
    account = TRUST | {"Principal": {"AWS": "000000000000"}}
    root = TRUST | {"Principal": {"AWS": ["arn:aws:iam::000000000000:root"]}}
    assert trust_drift(trust(account), trust(root)) == []
    upper = WEB | {
        "Condition": {
            "StringEquals": {"ISSUER/id:SUB": ["system:serviceaccount:ns:name"], "issuer/id:aud": ["sts.amazonaws.com"]}
        }
    }
    assert trust_drift(trust(upper), trust(WEB)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (WEB | {"Principal": "*"}, "wider than its lane needs: anybody (*) may"),
        (WEB | {"Principal": {"AWS": "*"}}, "anybody (*) may"),
        (WEB | {"Principal": {"Federated": "arn:aws:iam::000000000000:oidc-provider/other/id"}}, "oidc-provider/other"),
        (WEB | {"Action": "sts:*"}, "may sts:*"),
        ({key: value for key, value in WEB.items() if key != "Condition"}, "may sts:AssumeRoleWithWebIdentity"),
        (WEB | {"Condition": {"StringLike": WEB["Condition"]["StringEquals"]}}, "StringLike issuer/id:aud"),
        (
            WEB | {"Condition": {"StringEquals": {"issuer/id:aud": "sts.amazonaws.com"}}},
            "narrower than its lane needs: not so that",
        ),
        (
            WEB
            | {
                "Condition": {
                    "StringEquals": {
                        "issuer/id:aud": "sts.amazonaws.com",
                        "issuer/id:sub": "system:serviceaccount:ns:*",
                    }
                }
            },
            "issuer/id:sub = system:serviceaccount:ns:*",
        ),
        (WEB | {"Effect": "Deny"}, "is no Allow"),
        ({"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "sts:AssumeRole"}, "allows by exclusion"),
        ({"Effect": "Allow", "Principal": {"Robot": "x"}, "Action": "sts:AssumeRole"}, "unknown kind of principal"),
        (WEB | {"Condition": "never"}, "a Condition that is no condition"),
        (WEB | {"Action": None}, "no readable Action or Principal"),
    ],
)
def test_trust_that_is_not_its_lanes_says_how(changed: dict[str, Any], said: str) -> None:
    drift = trust_drift(trust(changed), trust(WEB))
    assert any(said in text for text in drift), drift


def test_an_additional_principal_is_named_alone() -> None:
    other = TRUST | {"Principal": {"AWS": "arn:aws:iam::111111111111:user/mallory"}}
    assert trust_drift(trust(TRUST, other), trust(TRUST)) == [
        "its trust is wider than its lane needs: AWS arn:aws:iam::111111111111:user/mallory may sts:AssumeRole"
    ]
    assert trust_drift("{", trust(TRUST))[0] == "its trust is unreadable: it is not JSON"
