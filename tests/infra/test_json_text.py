"""JSON from outside is read, or is no JSON: however deep it is nested, nobody who reads it runs out of stack."""

from __future__ import annotations

import pytest

from infra.emulator.record import STATE_FILE, Record
from infra.json_text import MAX_DEPTH, read_json
from infra.probes.policy import read_statements
from infra.probes.trust import assumptions


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_no_json(tmp_path, depth, opening, closing) -> None:
    text = opening * depth + "1" + closing * depth
    with pytest.raises(ValueError, match="nested deeper"):
        read_json(text)
    assert assumptions(text) == (set(), ["it is not JSON"])
    assert read_statements("policy", text) == ((), ("policy is not JSON",))
    (tmp_path / STATE_FILE).write_text(text)
    assert Record.read(tmp_path) is None


def test_what_is_nested_less_deeply_is_read() -> None:
    value = read_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert value[0][0] == read_json("[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2))
