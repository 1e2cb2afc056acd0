"""The catalogue as a tree for the terminal: phase, gates, verifiers and the blockers they raise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text
from rich.tree import Tree

from phasegate.catalog.model import Blocker, Catalogue, Gate, Phase, PhaseDocument, Severity

_COLOUR: Final = {Severity.S1: "red", Severity.S2: "yellow", Severity.S3: "cyan"}
_ROLES: Final = {
    "entry": "upstream not green",
    "entry_absent": "upstream absent or altered",
    "evidence": "evidence absent or malformed",
    "publish": "publication failed",
    "leak": "secret in an artifact",
    "uncategorised": "no other code fits",
}


def catalogue_tree(documents: Sequence[PhaseDocument], catalogue: Catalogue) -> Tree:
    """The given phases with all their gates, in chain order."""
    root = Tree(Text(catalogue.platform, style="bold"))
    for document in documents:
        branch = root.add(_line(document.phase.id, document.phase.title))
        _add_taxonomy(branch, document.phase)
        if document.external:
            external = branch.add(Text("handed over, not run here", style="dim"))
            for handed in document.external:
                external.add(_line(handed.id, f"{handed.title}: {', '.join((handed.summary, *handed.artifacts))}"))
        for gate in catalogue.gates.values():
            if gate.phase == document.phase.id:
                _fill_gate(branch.add(_gate_line(gate)), gate)
    return root


def gate_tree(gate: Gate, catalogue: Catalogue) -> Tree:
    """One gate, under its phase."""
    phase = catalogue.phases[gate.phase]
    root = Tree(_line(phase.id, phase.title))
    _fill_gate(root.add(_gate_line(gate)), gate)
    return root


def _add_taxonomy(branch: Tree, phase: Phase) -> None:
    taxonomy = branch.add(Text("blockers of the phase", style="dim"))
    for blocker in phase.blockers:
        line = _line(blocker.code, blocker.meaning)
        if blocker.rolls_up_to is not None:
            line.append(f" -> {blocker.rolls_up_to}", style="dim")
        taxonomy.add(line)


def _fill_gate(branch: Tree, gate: Gate) -> None:
    if gate.upstream:
        branch.add(_said("rests on", ", ".join(edge.gate for edge in gate.upstream)))
    branch.add(_said("a pass says", f"{gate.advance}, next gate {gate.next_gate}"))
    branch.add(_said("owes", ", ".join((*gate.artifacts, gate.summary_name))))
    shown: set[str] = set()
    for verifier in gate.verifiers:
        node = branch.add(_line(verifier.full_id, verifier.purpose))
        for code in verifier.raises:
            _add_blocker(node, gate.blocker_by_code[code], again=code in shown)
            shown.add(code)
    own = branch.add(Text("raised by the framework", style="dim"))
    for role, code in gate.codes.model_dump().items():
        if code is not None:
            node = own.add(_said(_ROLES[role], code))
            if code not in shown:
                _add_blocker(node, gate.blocker_by_code[code], again=False)
                shown.add(code)


def _add_blocker(branch: Tree, blocker: Blocker, *, again: bool) -> None:
    if again:
        branch.add(Text(f"{blocker.code} (see above)", style="dim"))
        return
    line = Text(blocker.code, style=f"bold {_COLOUR[blocker.severity]}")
    line.append(f" {blocker.severity} -> {blocker.rolls_up_to}", style="default not bold")
    if blocker.inferred:
        line.append(f" (inferred: {', '.join(blocker.inferred)})", style="dim not bold")
    line.append(f": {blocker.meaning}", style="default not bold")
    branch.add(line).add(_said("remedy", blocker.remedy))


def _gate_line(gate: Gate) -> Text:
    line = _line(f"{gate.id}{f' ({gate.alias})' if gate.alias is not None else ''}", gate.title)
    line.append(f", owner {gate.owner}", style="dim")
    if gate.planned:
        line.append(", planned: cannot advance", style="yellow")
    return line


def _line(name: str, said: str) -> Text:
    return Text.assemble((name, "bold"), " ", said)


def _said(what: str, said: str) -> Text:
    return Text.assemble((f"{what}: ", "dim"), said)
