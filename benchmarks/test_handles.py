"""Speed and endurance of the registry reader: a large registry, ten thousand generated ones, hostile lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.handles import parse
from tests.infra.handles.documents import check, from_seed

MAX_PARSE_SECONDS = 0.020
SWEEP = 10_000

# Each is one line of n repeated marks that an expression with a choice to make would walk again and again.
HOSTILE_LINES: dict[str, Callable[[int], str]] = {
    "white space behind the equals sign": lambda n: "* `A = " + " " * n,
    "white space behind the star": lambda n: "*" + " " * n,
    "white space behind the name": lambda n: "* `A" + " " * n + "x",
    "white space in a numbered list": lambda n: "1." + " " * n,
    "open braces": lambda n: '* `A_PATTERN = "' + "{" * n + '"`',
    "spaced open braces": lambda n: '* `A_PATTERN = "' + "{ a" * n + '"`',
    "open angles": lambda n: '* `A = "' + "<" * n + '"`',
    "digits": lambda n: "* `A = " + "9" * n + "x`",
    "digits behind the point": lambda n: "* `A = 1." + "9" * n + "x`",
    "open lists": lambda n: "* `A = " + "[" * n + "`",
    "one key again and again": lambda n: "* `A = {" + ",".join(['"a":1'] * n) + "}`",
    "names": lambda n: "* `" + "A" * n + " `" * n,
    "hashes": lambda n: "#" * n,
    "carriage returns": lambda n: "\r" * n,
    "nested bullets": lambda n: "* " * n + "`A = 1`",
    "nested quotations": lambda n: ">" * n + "* `A = 1`",
    "blank lines in a deep list": lambda n: "* " * 20 + "a" + "\n" * n,
    "tabs before a bullet": lambda n: "\t" * n + "* `A = 1`",
    "backticks": lambda n: "* " + "`" * n,
    "open code spans": lambda n: "* `A = " + "`` " * n,
    "emphasis": lambda n: "* " + "*_" * n + "`A = 1`",
    "attributes of a tag": lambda n: "<a" + " a=b" * n,
    "open attributes of a tag": lambda n: "<a" + " a='" * n,
    "thematic breaks that are none": lambda n: "- " * n + "x",
    "underlines": lambda n: "a\n" + "=" * n + "x",
    "comments": lambda n: "<!--" * n,
    "fences": lambda n: "```\n" * n,
    "references in a chain": lambda n: "\n".join(f"* `A_{i} = A_{i + 1}`" for i in range(n // 20)),
    "hidden marks": lambda n: "* `A" + "\u200b" * n + " = 1`",
    "alternatives": lambda n: "\n".join(f"* `A = {i}`" for i in range(n // 20)),
}


def registry_of(count: int) -> str:
    """A registry of this many handles, with prose, tables, open handles and notes between them."""
    lines: list[str] = []
    for index in range(count):
        if index % 10 == 0:
            lines += ["", f"## {index // 10}. Section", "", "Prose about the `handles` below = nothing.", "| a | b |"]
        value = (
            f'"arn:aws:iam::000000000000:role/fraud-platform-dev-full-{index}" (materialized in M2.E)',
            str(index),
            '["subnet-00000000000000021","subnet-00000000000000022"]',
            '{"s3_event_stream_with_fraud_6B":"ts_utc","s4_event_labels_6B":"flow_id,event_seq"}',
            '"evidence/runs/{platform_run_id}/operate/runtime_lanes_ready.json"',
        )[index % 5]
        value, _, note = value.partition(" (")
        lines.append(f"* `HANDLE_{index}_KEY = {value}`{note and ' (' + note}")
    return "\n".join(lines)


def test_a_thousand_handles_are_parsed_within_twenty_milliseconds(benchmark: Any) -> None:
    text = registry_of(1000)
    registry = benchmark(parse, text, "large.md")
    assert len(registry) == 1000
    assert not registry.unresolved()
    assert benchmark.stats.stats.median <= MAX_PARSE_SECONDS


def test_ten_thousand_generated_registries_lose_no_handle(benchmark: Any) -> None:
    def sweep() -> int:
        found = 0
        for seed in range(SWEEP):
            document = from_seed(seed)
            check(document)
            found += len(document.handles)
        return found

    assert benchmark.pedantic(sweep, rounds=1) > SWEEP


@pytest.mark.parametrize("shape", HOSTILE_LINES)
def test_hostile_lines_take_linear_time(shape: str) -> None:
    short, long = HOSTILE_LINES[shape](50_000), HOSTILE_LINES[shape](200_000)
    rounds = [(_seconds(short), _seconds(long)) for _ in range(5)]  # interleaved: both meet the same machine
    ratio = min(second for _, second in rounds) / max(min(first for first, _ in rounds), 1e-3)
    assert ratio < 8, f"four times the line took {ratio:.1f} times as long; linear is 4, quadratic 16"


def _seconds(text: str) -> float:
    start = time.perf_counter()
    parse(text, "hostile.md")
    return time.perf_counter() - start
