"""Comparing IAM policies: whether what a role may do stays within what its lane grants. Pure functions.

Both directions lean to the safe side. Over-reach holds an Allow at its widest: conditions are ignored, a policy
variable stands for any text. Under-reach and `permits` hold it at its narrowest: an Allow under a condition or with
a variable grants nothing for certain, and a Deny that might apply does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from infra.json_text import read_json
from infra.probes.globs import Glob, Wild, covers, overlap, parse

_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_ESCAPES: Final = frozenset("*?$")
_PARTS: Final = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


@dataclass(frozen=True, slots=True, order=True)
class Allowance:
    """One action on one resource pattern.

    Attributes:
        action: An IAM action, possibly with wildcards; its case does not count.
        resource: An ARN, possibly with wildcards.
    """

    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a permission policy.

    Attributes:
        origin: The policy and the statement in it, for messages.
        allows: Whether its effect is Allow.
        actions: Actions that it names, or that it names as excluded.
        resources: Resources that it names, or that it names as excluded.
        but_actions: Whether it applies to every action but the named ones.
        but_resources: Whether it applies to every resource but the named ones.
        conditional: Whether it applies under a condition only.
    """

    origin: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    but_actions: bool = False
    but_resources: bool = False
    conditional: bool = False

    @property
    def by_exclusion(self) -> bool:
        """Whether it says what it leaves out instead of what it covers."""
        return self.but_actions or self.but_resources

    def __str__(self) -> str:
        actions = f"{'everything but ' if self.but_actions else ''}{', '.join(self.actions)}"
        return f"{actions} on {'everything but ' if self.but_resources else ''}{', '.join(self.resources)}"


def read_statements(origin: str, document: Any) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
    """The statements of a policy document, and what in it cannot be read (and therefore counts as drift).

    Args:
        origin: The policy, for messages.
        document: The document, parsed or as JSON text.
    """
    if isinstance(document, str):
        try:
            document = read_json(unquote(document) if document.lstrip().startswith("%") else document)
        except ValueError:
            return (), (f"{origin} is not JSON",)
    if not isinstance(document, dict) or not _listed(document.get("Statement")):
        return (), (f"{origin} has no statement",)
    statements, flaws = [], []
    for number, item in enumerate(_listed(document["Statement"]), start=1):
        sid = item.get("Sid") if isinstance(item, dict) else None
        place = f"{origin}, statement {number}" + (f" ({sid})" if sid else "")
        read = _statement(place, item)
        if isinstance(read, Statement):
            statements.append(read)
        else:
            flaws.append(f"{place} {read}")
    return tuple(statements), tuple(flaws)


def over_reach(statements: Iterable[Statement], granted: Iterable[Allowance]) -> list[str]:
    """What statements allow beyond the grants, each with the statement that does.

    Returns:
        Clauses such as `ssm:* on * (inline policy extra, statement 1)`.
    """
    limits = [(parse(item.action.lower()), parse(item.resource)) for item in granted]
    found = []
    for statement in statements:
        if not statement.allows:
            continue
        if statement.by_exclusion:
            found.append(f"{statement} ({statement.origin})")
            continue
        for action in statement.actions:
            within = [resource for limit, resource in limits if covers([limit], _widest(action.lower()))]
            found += [
                f"{Allowance(action, resource)} ({statement.origin})"
                for resource in statement.resources
                if not covers(within, _widest(resource))
            ]
    return found


def under_reach(statements: Sequence[Statement], granted: Iterable[Allowance]) -> list[str]:
    """What is granted and not certainly allowed, with the statement that denies or restricts it where one does."""
    found = []
    for item in granted:
        if permits(statements, item):
            continue
        wanted = (parse(item.action.lower()), parse(item.resource))
        denying = [f"denied by {it.origin}" for it in statements if not it.allows and _may_apply(it, *wanted)]
        restricting = [
            f"allowed under a condition by {it.origin}"
            for it in statements
            if it.allows and it.conditional and _may_apply(it, *wanted)
        ]
        why = "; ".join(denying or restricting)
        found.append(f"{item} ({why})" if why else str(item))
    return found


def permits(statements: Sequence[Statement], wanted: Allowance) -> bool:
    """Whether statements certainly allow an action on every resource of a pattern."""
    action, resource = parse(wanted.action.lower()), parse(wanted.resource)
    if may_deny(statements, wanted):
        return False
    allowing = [item for item in statements if item.allows and not item.conditional and _holds_action(item, action)]
    if any(item.but_resources and not _meets(resource, item.resources) for item in allowing):
        return True
    named = [glob for item in allowing if not item.but_resources for glob in _narrowest(item.resources)]
    return covers(named, resource)


def may_deny(statements: Iterable[Statement], wanted: Allowance) -> bool:
    """Whether statements may deny an action on some resource of a pattern."""
    action, resource = parse(wanted.action.lower()), parse(wanted.resource)
    return any(not item.allows and _may_apply(item, action, resource) for item in statements)


def _statement(place: str, item: Any) -> Statement | str:
    """The statement, or what is wrong with it as a clause."""
    if not isinstance(item, dict):
        return "is not an object"
    effect = item.get("Effect")
    if effect not in ("Allow", "Deny"):  # a tuple: what a document has there may be unhashable
        return f"has the effect {effect!r}"
    surplus = sorted(set(item) - _PARTS)
    if surplus:
        return f"has the unknown part {', '.join(surplus)}"
    sides = []
    for plain, excluding in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (plain in item) == (excluding in item):
            return f"must have one of {plain} and {excluding}"
        values = _listed(item[plain] if plain in item else item[excluding])
        if not values or not all(isinstance(value, str) and value for value in values):
            return f"has no readable {plain if plain in item else excluding}"
        sides.append((tuple(values), excluding in item))
    (actions, but_actions), (resources, but_resources) = sides
    return Statement(
        origin=place,
        allows=effect == "Allow",
        actions=actions,
        resources=resources,
        but_actions=but_actions,
        but_resources=but_resources,
        conditional=bool(item.get("Condition")),
    )


def _may_apply(statement: Statement, action: Glob, resource: Glob) -> bool:
    """Whether there may be a request among those wanted that a statement applies to."""
    return _touches(action, [text.lower() for text in statement.actions], excluding=statement.but_actions) and _touches(
        resource, statement.resources, excluding=statement.but_resources
    )


def _touches(wanted: Glob, patterns: Sequence[str], *, excluding: bool) -> bool:
    if excluding:
        return not covers(_narrowest(patterns), wanted)
    return _meets(wanted, patterns)


def _meets(wanted: Glob, patterns: Iterable[str]) -> bool:
    return any(overlap(_widest(text), wanted) for text in patterns)


def _holds_action(statement: Statement, action: Glob) -> bool:
    actions = [text.lower() for text in statement.actions]
    if statement.but_actions:
        return not _meets(action, actions)
    return covers(_narrowest(actions), action)


def _widest(text: str) -> Glob:
    """A pattern whose variables may be any text."""
    found: list[str | Wild] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        found += parse(text[end : match.start()])
        found += [match[1]] if match[1] in _ESCAPES else [Wild.ANY]
        end = match.end()
    return (*found, *parse(text[end:]))


def _narrowest(patterns: Iterable[str]) -> list[Glob]:
    """Patterns without those that have a variable: nobody knows what it stands for."""
    return [_widest(text) for text in patterns if all(match[1] in _ESCAPES for match in _VARIABLE.finditer(text))]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
