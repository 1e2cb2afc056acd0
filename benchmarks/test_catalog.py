"""How long it takes to load and check a catalogue, and how that grows with its size."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from phasegate.catalog.load import parse

PER_GATE = 20
GATES_PER_PHASE = 250


def catalogue_texts(verifiers: int) -> list[tuple[str, str]]:
    """A sound catalogue of so many verifiers: gates of twenty, each with ten blockers, in one chain."""
    texts = []
    gates = verifiers // PER_GATE
    before = None
    for phase in range(-(-gates // GATES_PER_PHASE)):
        here = min(GATES_PER_PHASE, gates - phase * GATES_PER_PHASE)
        lines = [
            "format: phasegate-catalogue/1",
            "platform: demo",
            "phase:",
            f"  id: M{phase}",
            "  title: one of many phases",
            "  blockers:",
            f"    - {{code: M{phase}-B1, meaning: a gate of the phase is blocked}}",
            "gates:",
        ]
        for index in range(here):
            following = f"M{phase}{_letter(index + 1)}" if index + 1 < here else f"M{phase + 1}"
            lines += _gate(phase, _letter(index), before, following)
            before = f"M{phase}.{_letter(index)}"
        texts.append((f"m{phase}.yaml", "\n".join(lines) + "\n"))
    return texts


def _letter(index: int) -> str:
    return f"{chr(ord('A') + index // 10)}{index % 10}"


def _gate(phase: int, letter: str, before: str | None, following: str) -> list[str]:
    prefix = f"M{phase}{letter}"
    lines = [
        f"  - id: M{phase}.{letter}",
        "    title: one of many gates, which establishes that the platform is ready",
        "    owner: run control",
        f"    upstream: [{{gate: {before}}}]" if before else "    upstream: []",
        f"    advance: ADVANCE_TO_{following}",
        f"    next_gate: M{phase}.{letter}_READY",
        f"    rolls_up_to: M{phase}-B1",
        f"    codes: {{entry: {prefix}-B1, evidence: {prefix}-B2, publish: {prefix}-B2}}",
        "    verifiers:",
    ]
    for number in range(1, PER_GATE + 1):
        lines += [
            f"      - id: {prefix}-V{number}",
            "        name: HANDLE-PRESENCE",
            "        purpose: every required key has an assignment line in the registry",
            f"        raises: [{prefix}-B{(number - 1) // 2 + 1}]",
        ]
    lines.append("    blockers:")
    for number in range(1, PER_GATE // 2 + 1):
        lines += [
            f"      - code: {prefix}-B{number}",
            "        meaning: a required runtime handle is not in the registry",
            "        remedy: assign the key in the registry under its canonical name",
            "        severity: S2",
            f"        rolls_up_to: M{phase}-B1",
            "        inferred: [severity, rolls_up_to]",
        ]
    lines.append(f"    artifacts: [m{phase}{letter.lower()}_snapshot.json, m{phase}{letter.lower()}_matrix.json]")
    return lines


@pytest.mark.parametrize("verifiers", [100, 1_000, 10_000])
def test_load(benchmark: Any, verifiers: int) -> None:
    texts = catalogue_texts(verifiers)
    catalogue, problems = benchmark(parse, texts)
    assert problems == []
    assert sum(len(gate.verifiers) for gate in catalogue.gates.values()) == verifiers


def test_plain_yaml_of_ten_thousand_for_comparison(benchmark: Any) -> None:
    texts = catalogue_texts(10_000)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    benchmark(lambda: [yaml.load(text, Loader=loader) for _, text in texts])  # noqa: S506 - a safe loader


def test_find_ten_thousand_mistakes(benchmark: Any) -> None:
    texts = [(name, text.replace("severity: S2", "severity: S4")) for name, text in catalogue_texts(20_000)]
    catalogue, problems = benchmark(parse, texts)
    assert catalogue is None
    assert len(problems) == 10_000
