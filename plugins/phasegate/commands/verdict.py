"""`phasegate verdict`: whether a gate advances now, as an exit code that a pipeline can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from phasegate.attempts import Archive, UpstreamEvidence
from phasegate.attempts.audit import Auditor
from phasegate.attempts.defects import DefectKind
from phasegate.attempts.present import Present, target_in_words
from phasegate.catalog.model import Gate
from phasegate.commands.archive import RunsRoot, Targets, gate_id_of, open_archive, target_of
from phasegate.commands.code import code_here
from phasegate.commands.verify import EXIT_CODES, PublicKeys, trusted_keys
from phasegate.errors import ExitCode, Problem, SettingsError
from phasegate.printable import say, say_json
from phasegate.settings import Settings, require_settings

app = typer.Typer(help="Whether a gate advances now, as an exit code.")


@dataclass(slots=True)
class _Answer:
    """What is said of a gate.

    Attributes:
        gate: The gate.
        evidence: Its authoritative attempt; None where there is none at all.
        target: What is asked about.
        code: The exit code; OK only where the gate advances.
        why: Why it does not, a line each.
    """

    gate: Gate
    evidence: UpstreamEvidence | None = None
    target: Mapping[str, str] = field(default_factory=dict)
    code: ExitCode = ExitCode.OK
    why: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        """The verdict in the gate's own vocabulary."""
        if self.code is ExitCode.OK:
            return self.gate.advance
        said = self.evidence.summary.verdict if self.evidence is not None else None
        return str(said) if self.code is ExitCode.BLOCKED and said not in (None, self.gate.advance) else self.gate.hold

    def as_json(self) -> dict[str, Any]:
        """The answer for machines."""
        return {
            "gate": self.gate.id,
            "advances": self.code is ExitCode.OK,
            "verdict": self.word,
            "execution_id": self.evidence.execution_id if self.evidence is not None else None,
            "target": dict(self.target),
            "why": self.why,
            "exit_code": int(self.code),
        }


@app.command()
def verdict(
    gate: Annotated[str, typer.Argument(help="A gate, such as M4.C or m4c.")],
    target: Targets = None,
    public_key_file: PublicKeys = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    runs_root: RunsRoot = None,
) -> None:
    """Say whether a gate advances now: 0 only where its authoritative attempt does, counts today, and verifies.

    Evidence is held against the catalogue and the code that stand here, and against every attempt that it rests on.
    Handles were compared when the gates ran; what the platform has become since, a new attempt shows.
    """
    catalogue, archive = open_archive(runs_root)
    settings = require_settings(Path.cwd())
    gate_id = gate_id_of(catalogue, gate, "GATE")
    if gate_id not in catalogue.gates:
        raise SettingsError(Problem(f"{gate_id} was handed over and is not judged here", "GATE", "name a gate of ours"))
    answer = _answer(archive, settings, catalogue.gates[gate_id], target_of(target or []))
    if answer.evidence is not None and answer.evidence.path is not None:
        keys = trusted_keys(settings, public_key_file)
        audit = Auditor(archive, keys).audit([answer.evidence.path])
        kinds = {defect.kind for defect in audit.defects}
        answer.why += [
            f"{defect.kind.value} {'/'.join(filter(None, (defect.execution_id, defect.file)))}: {defect.fact}"
            for defect in audit.defects
        ]
        answer.code = next((EXIT_CODES[kind] for kind in DefectKind if kind in kinds), answer.code)
    _tell(answer, as_json=as_json)
    if answer.code is not ExitCode.OK:
        raise typer.Exit(answer.code)


def _answer(archive: Archive, settings: Settings, gate: Gate, wanted: Mapping[str, str]) -> _Answer:
    places = [
        place for place in archive.history.targets(gate.id) if all(place.get(key) == wanted[key] for key in wanted)
    ]
    newest = archive.history.newest(gate.id)
    if not places and newest is not None and not newest.credible:
        places = [wanted]  # an attempt that nobody can believe stands before those of every target
    if not places:
        named = f" on {target_in_words(wanted)}" if wanted else ""
        why = f"{gate.id} has no complete, valid attempt{named}: run it"
        return _Answer(gate, target=wanted, code=ExitCode.INCOMPLETE, why=[why])
    if len(places) > 1:
        raise SettingsError(
            Problem(
                f"{gate.id} has attempts of several targets: {'; '.join(map(target_in_words, places))}",
                "--target",
                f"name the one that is meant: {' '.join(f'--target={pair}' for pair in _telling_apart(places))}",
            )
        )
    here = Present(
        target=lambda: places[0],
        code=lambda: code_here(settings, archive.catalogue),
    )
    found = archive.evidence(gate.id, here)
    if found.green:
        return _Answer(gate, found, places[0])
    blocked = [*_blocked(archive, gate, here)]
    code = ExitCode.EVIDENCE if found.absent else ExitCode.BLOCKED if blocked else ExitCode.INCOMPLETE
    return _Answer(gate, found, places[0], code, [found.why, *(line for line in blocked if line not in found.why)])


def _blocked(archive: Archive, gate: Gate, here: Present) -> Iterator[str]:
    """The gate, and every gate that it rests on, whose authoritative attempt is blocked; a line each blocker."""
    reached = archive.catalogue.closure(frozenset({gate.id}))
    for name in (name for name in archive.catalogue.gates if name in reached):
        pack = archive.history.newest(name, here.target)
        if pack is None or pack.problems or pack.summary.passed:
            continue
        for row in pack.summary.blocker_details:
            yield f"{name} {row.code} [{row.severity}] {row.detail}; remedy: {row.remedy}"


def _telling_apart(places: Sequence[Mapping[str, str]]) -> list[str]:
    """What tells the first of several targets from the others, as options."""
    first, *others = places
    return [f"{name}={value}" for name, value in first.items() if any(other.get(name) != value for other in others)]


def _tell(answer: _Answer, *, as_json: bool) -> None:
    if as_json:
        say_json(answer.as_json())
        return
    gate = answer.gate
    advances = answer.code is ExitCode.OK
    say(f"{gate.id}  {answer.word}  next: {gate.next_gate if advances else gate.blocked_next_gate}")
    if answer.evidence is not None and answer.evidence.execution_id is not None:
        say(f"  attempt {answer.evidence.execution_id} on {target_in_words(answer.target)}")
        uncommitted = answer.evidence.summary.code.uncommitted
        if uncommitted:
            say(f"  judged by code that is in no commit: {', '.join(uncommitted)}")
        for waiver in answer.evidence.summary.waivers:
            say(f"  waived: {waiver.blocker}: {waiver.reason}")
    for line in answer.why:
        say(f"  {line}")
