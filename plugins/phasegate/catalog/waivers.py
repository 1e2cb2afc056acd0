"""Waivers: a blocker that somebody may pass for a time, because somebody else approved it.

A waiver names the blocker, the reason, author, approver and the instant at which it ends. It stands in the catalogue's
folder (`waivers/*.yaml`) and its digest goes into every pack that it touched. What it can not do: waive an S1 blocker,
waive what phasegate itself raises (upstream, evidence, leak, publication, crashed or skipped verifiers), be approved
by its author under whatever spelling, be without a reason, outlive its instant, or end later than the phase's
`waiver_days` from now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from phasegate.catalog.grammar import BlockerCode, Text
from phasegate.catalog.model import Catalogue, Gate, Record, Severity
from phasegate.catalog.near import near
from phasegate.catalog.people import name_flaw, pair_flaw, reason_flaw
from phasegate.catalog.source import Source, read
from phasegate.catalog.structure import structural_problems
from phasegate.errors import Problem

FORMAT = "phasegate-waivers/1"
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


class Waiver(Record):
    """One blocker, waived until an instant.

    Attributes:
        blocker: The blocker.
        reason: Why it may be passed.
        author: Who asked for it.
        approver: Who approved it; not the author.
        expires_at_utc: The instant at which it ends, as `2026-03-01T00:00:00Z`.
    """

    blocker: BlockerCode
    reason: Text
    author: Text
    approver: Text
    expires_at_utc: Annotated[str, Field(pattern=_INSTANT)]

    @field_validator("expires_at_utc")
    @classmethod
    def _is_an_instant(cls, value: str) -> str:
        datetime.fromisoformat(value)
        return value

    @property
    def expires_at(self) -> datetime:
        """The instant at which it ends."""
        return datetime.fromisoformat(self.expires_at_utc).astimezone(UTC)

    @property
    def sha256(self) -> str:
        """Digest of what it says."""
        text = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def holds(self, moment: datetime) -> bool:
        """Whether it is in force at a moment."""
        return moment < self.expires_at


class WaiverDocument(Record):
    """A file of waivers."""

    format: Literal["phasegate-waivers/1"]
    waivers: tuple[Waiver, ...]


def parse_waivers(
    documents: Sequence[tuple[str, str]], catalogue: Catalogue, now: datetime
) -> tuple[tuple[Waiver, ...], list[Problem]]:
    """Parses and checks waivers; raises nothing, whatever the texts are.

    Args:
        documents: Pairs of a name (for messages) and a YAML text.
        catalogue: What can be waived, and for how long.
        now: The moment from which the longest term counts.

    Returns:
        The waivers, none where anything is wrong; and every problem.
    """
    found: list[Waiver] = []
    problems: list[Problem] = []
    places: dict[str, str] = {}
    for name, text in documents:
        source, flaws = read(name, text)
        problems += flaws
        if source is None:
            continue
        try:
            document = WaiverDocument.model_validate(source.data)
        except ValidationError as error:
            problems += structural_problems(source, error, WaiverDocument)
            continue
        for position, waiver in enumerate(document.waivers):
            problems += _law_problems(source, position, waiver, catalogue, now)
            place = source.place(("waivers", position, "blocker"))
            if waiver.blocker in places:
                fact = f"{waiver.blocker} is waived at {places[waiver.blocker]} already"
                problems.append(Problem(fact, place, "keep one of the two"))
            places[waiver.blocker] = place
            found.append(waiver)
    return ((), problems) if problems else (tuple(sorted(found, key=lambda waiver: waiver.blocker)), [])


def _law_problems(
    source: Source, position: int, waiver: Waiver, catalogue: Catalogue, now: datetime
) -> Iterator[Problem]:
    def place(key: str) -> str:
        return source.place(("waivers", position, key))

    gate = next((gate for gate in catalogue.gates.values() if waiver.blocker in gate.blocker_by_code), None)
    if gate is None:
        known = [code for gate in catalogue.gates.values() for code in gate.blocker_by_code]
        remedy = near(waiver.blocker, known, "name a blocker of the catalogue")
        yield Problem(f"{waiver.blocker} is no blocker of the catalogue", place("blocker"), remedy)
    elif gate.blocker_by_code[waiver.blocker].severity is Severity.S1:
        yield Problem(f"{waiver.blocker} is S1, which nobody can waive", place("blocker"), "close the blocker")
    elif waiver.blocker in own_codes(gate):
        fact = f"{waiver.blocker} is raised by phasegate itself, and cannot be waived"
        yield Problem(fact, place("blocker"), "close what it names")
    if gate is not None:
        days = catalogue.phases[gate.phase].waiver_days
        if waiver.expires_at - now > timedelta(days=days):
            fact = f"the waiver ends at {waiver.expires_at_utc}, more than {days} days from now"
            yield Problem(fact, place("expires_at_utc"), "let it end sooner, and renew it with its reason if need be")
    flaws = {key: name_flaw(name) for key, name in (("author", waiver.author), ("approver", waiver.approver))}
    for key, flaw in flaws.items():
        if flaw:
            remedy = "write the name in plain letters of one script, or give a login"
            yield Problem(f"the {key} {getattr(waiver, key)!a} {flaw}", place(key), remedy)
    if not any(flaws.values()) and (flaw := pair_flaw(waiver.author, waiver.approver)):
        remedy = "have somebody else approve it, and write both names in full, in one script"
        yield Problem(f"{waiver.approver} {flaw}", place("approver"), remedy)
    if flaw := reason_flaw(waiver.reason):
        yield Problem(f"the reason {flaw}", place("reason"), "say in a sentence why the blocker may be passed")


def own_codes(gate: Gate) -> frozenset[str]:
    """The codes that the framework raises for a gate, whatever its verifiers do."""
    codes = gate.codes
    named = (codes.entry, codes.entry_absent, codes.evidence, codes.publish, codes.leak, gate.unmapped_code)
    return frozenset({*(code for code in named if code is not None), gate.not_evaluated_code})
