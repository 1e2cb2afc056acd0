"""What is known of one blocker: who raises it, where it was seen, and what closed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from phasegate.attempts.archive import Archive
from phasegate.attempts.history import AttemptRecord
from phasegate.attempts.present import target_in_words
from phasegate.catalog.model import Blocker, Gate
from phasegate.evidence.stated import StatedSummary

_DUTIES = {"entry": "evidence of an upstream gate", "entry_absent": "evidence of an upstream gate that is missing"}
_DUTIES |= {"evidence": "the evidence contract", "leak": "the scan for secrets", "publish": "the publication"}


@dataclass(frozen=True, slots=True)
class Sighting:
    """One attempt that raised a blocker.

    Attributes:
        execution_id: The attempt.
        target: What it looked at.
        standing: Whether it is authoritative, or why not.
        seen: What was seen, a line each.
        closed_by: The next complete attempt of the same target that no longer raised it; None while it is open.
        changed: What differs between the two attempts, as far as their summaries tell.
    """

    execution_id: str
    target: str
    standing: str
    seen: tuple[str, ...]
    closed_by: str | None
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one blocker.

    Attributes:
        gate: Its gate.
        blocker: Its record in the catalogue.
        raisers: Who raises it: verifiers with their purpose, and duties of the framework.
        sightings: The attempts that raised it, the newest first.
    """

    gate: Gate
    blocker: Blocker
    raisers: tuple[str, ...]
    sightings: tuple[Sighting, ...]

    def as_json(self) -> dict[str, Any]:
        """The explanation for machines."""
        return {
            **self.blocker.model_dump(mode="json"),
            "gate": self.gate.id,
            "owner": self.gate.owner,
            "raised_by": list(self.raisers),
            "sightings": [asdict(sighting) for sighting in self.sightings],
        }


def explain(archive: Archive, gate: Gate, code: str) -> Explanation:
    """Gathers what is known of a blocker of a gate.

    Args:
        archive: The attempts.
        gate: The gate that has the blocker.
        code: The blocker.
    """
    records = [
        (record, archive.history.pack(record.path).summary)
        for record in archive.attempts(gate.phase)
        if record.gate == gate.id and record.verdict is not None
    ]
    return Explanation(gate, gate.blocker_by_code[code], _raisers(gate, code), tuple(_sightings(records, code)))


def _raisers(gate: Gate, code: str) -> tuple[str, ...]:
    verifiers = [f"{verifier.full_id}: {verifier.purpose}" for verifier in gate.verifiers if code in verifier.raises]
    duties = [f"phasegate itself: {what}" for name, what in _DUTIES.items() if getattr(gate.codes, name) == code]
    if code == gate.unmapped_code:
        duties.append("phasegate itself: any verifier that ends as no blocker describes")
    if code == gate.not_evaluated_code:
        duties.append("phasegate itself: any verifier that did not run to its end")
    return tuple(verifiers + duties)


def _sightings(records: Sequence[tuple[AttemptRecord, StatedSummary]], code: str) -> Iterator[Sighting]:
    ordered = sorted(records, key=lambda item: item[0].execution_id.rpartition("_")[2])
    for position in range(len(ordered) - 1, -1, -1):
        record, summary = ordered[position]
        if code not in _seen_codes(record):
            continue
        later = (
            item for item in ordered[position + 1 :] if item[0].target == record.target and item[1].complete is True
        )
        closing = next((item for item in later if code not in _seen_codes(item[0])), None)
        yield Sighting(
            execution_id=record.execution_id,
            target=target_in_words(record.target),
            standing=record.standing,
            seen=(*_seen(summary, code), *_waived(summary, code)),
            closed_by=closing[0].execution_id if closing else None,
            changed=tuple(_changed(summary, closing[1])) if closing else (),
        )


def _seen(summary: StatedSummary, code: str) -> Iterator[str]:
    for row in summary.blocker_details:
        if row.code == code:
            yield row.said


def _seen_codes(record: AttemptRecord) -> tuple[str, ...]:
    """What an attempt saw: a waiver passes a blocker, and closes nothing."""
    return (*record.blockers, *record.waived)


def _waived(summary: StatedSummary, code: str) -> Iterator[str]:
    for waiver in summary.waivers:
        if waiver.blocker == code:
            yield (
                f"WAIVED by {waiver.approver} until {waiver.expires_at_utc}, asked for by "
                f"{waiver.author}: {waiver.reason}"
            )
            for row in waiver.passed:
                yield row.said


def _changed(before: StatedSummary, after: StatedSummary) -> Iterator[str]:
    if before.catalogue_sha256 != after.catalogue_sha256:
        yield "the catalogue"
    for kind, used, use in (
        ("target", before.target or {}, after.target or {}),
        ("inputs", before.inputs, after.inputs),
        ("code", before.code.digests, after.code.digests),
    ):
        changed = _differing(used, use)
        if changed:
            yield f"{kind}: {', '.join(changed)}"
    old, new = before.provenance, after.provenance
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{name}: {old.get(name)} became {new.get(name)}"
    upstream = {row.gate: row.execution_id for row in before.upstream}
    for row in after.upstream:
        if upstream.get(row.gate) != row.execution_id:
            yield f"it rests on {row.execution_id} in place of {upstream.get(row.gate)}"


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The names that two mappings do not have alike, sorted; what only one of them used says nothing."""
    return sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
