"""Comparing IAM policies: whether what a role may do stays within what its lane grants. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Allowance:
    """One action on one resource pattern that a policy allows.

    Attributes:
        action: An IAM action, possibly with wildcards.
        resource: An ARN, possibly with wildcards.
    """

    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def allowances(document: Any) -> tuple[set[Allowance], list[str]]:
    """What a policy document allows, and what in it cannot be compared (and therefore counts as drift).

    Args:
        document: A parsed policy document.
    """
    found: set[Allowance] = set()
    strange: list[str] = []
    for statement in _listed(document.get("Statement") if isinstance(document, dict) else None):
        if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
            strange.append("a statement without a proper Effect")
            continue
        if statement["Effect"] == "Deny":
            continue  # a denial takes away; it never over-reaches
        if "NotAction" in statement or "NotResource" in statement:
            strange.append("an Allow by exclusion (NotAction or NotResource)")
            continue
        actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        if not actions or not resources:
            strange.append("an Allow without Action or Resource")
        found |= {Allowance(str(action).lower(), str(resource)) for action in actions for resource in resources}
    return found, strange


def over_reach(actual: Iterable[Allowance], granted: Iterable[Allowance]) -> list[Allowance]:
    """What is allowed beyond the grants."""
    limits = [Allowance(item.action.lower(), item.resource) for item in granted]
    return sorted(item for item in actual if not any(within(item, limit) for limit in limits))


def under_reach(actual: Iterable[Allowance], granted: Iterable[Allowance]) -> list[Allowance]:
    """What is granted and not allowed."""
    held = list(actual)
    return sorted(
        limit
        for limit in (Allowance(item.action.lower(), item.resource) for item in granted)
        if not any(within(limit, item) for item in held)
    )


def within(inner: Allowance, outer: Allowance) -> bool:
    """Whether every request that the inner allowance matches is matched by the outer one."""
    return contains(outer.action.lower(), inner.action.lower()) and contains(outer.resource, inner.resource)


@lru_cache(maxsize=4_096)
def contains(outer: str, inner: str) -> bool:
    """Whether a pattern with `*` and `?` matches every text that another such pattern matches.

    Sound: True is never wrong. It holds the inner pattern's wildcards as characters that only the outer
    pattern's own wildcards match, so a few exotic containments come out as False, which here means drift.
    """
    if not any(sign in inner for sign in "*?"):
        return _pattern(outer).fullmatch(inner) is not None
    return _pattern(outer, wild_inner=True).fullmatch(inner) is not None


def _pattern(outer: str, *, wild_inner: bool = False) -> re.Pattern[str]:
    single = "[^*]" if wild_inner else "."
    parts = [".*" if sign == "*" else single if sign == "?" else re.escape(sign) for sign in outer]
    return re.compile("".join(parts), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
