"""`phasegate matrix`: the legs follow from the catalogue, each behind those that it rests on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.catalog.legs import legs_of
from phasegate.catalog.model import Catalogue, Gate, PhaseDocument
from phasegate.cli import main
from phasegate.errors import CatalogueError, ExitCode
from phasegate.settings import require_settings
from tests.phasegate.harness.conftest import gate_document

ANY = {"default": "any"}


def catalogue_of(edges: dict[str, list[str]], needs: dict[str, list[str]] | None = None) -> Catalogue:
    """A catalogue of gates that rest on others, made without its laws: which order legs have must not lean on them."""
    documents: dict[str, list[Gate]] = {}
    for name, upstream in edges.items():
        phase, letter = name.split(".")
        rest = {
            "code_prefix": f"{phase}{letter}",
            "needs": (needs or {}).get(name, []),
            "hold": "HOLD_REMEDIATE",
            "reset": "NO_GO_RESET_REQUIRED",
            "blocked_next_gate": "BLOCKED",
            "upstream": [{"gate": other} for other in upstream],
        }
        text = json.dumps(gate_document(letter)).replace("M9", phase).replace("m9", phase.lower())
        documents.setdefault(phase, []).append(Gate.model_validate(json.loads(text) | rest))
    return Catalogue(
        platform="demo",
        sha256="0" * 64,
        documents=tuple(
            PhaseDocument.model_validate(
                {
                    "format": "phasegate-catalogue/1",
                    "platform": "demo",
                    "phase": {"id": phase, "title": phase, "blockers": [{"code": f"{phase}-B1", "meaning": "m"}]},
                    "gates": gates,
                }
            )
            for phase, gates in documents.items()
        ),
    )


def test_a_leg_says_what_a_job_of_it_needs_to_know() -> None:
    edges = {"M1.A": ["M0.A"], "M1.B": ["M1.A"], "M2.A": ["M1.B"]}
    first, second = legs_of(catalogue_of(edges, {"M1.B": ["substrate"]}), ANY | {"substrate": "large"})
    assert (first.handed, first.upstream, first.needs, first.runs_on) == (("M0",), (), ("substrate",), "large")
    assert (second.handed, second.upstream, second.needs, second.runs_on) == ((), ("M1",), (), "any")
    row = first.as_json()
    assert row["marker"] == "m1"
    assert [(gate["id"], gate["marker"], gate["upstream"]) for gate in row["gates"]] == [
        ("M1.A", "m1a", ["M0.A"]),
        ("M1.B", "m1b", ["M1.A"]),
    ]


@given(st.permutations(["M1", "M2", "M3", "M4", "M5"]), st.data())
def test_each_leg_stands_behind_those_that_it_rests_on_and_none_is_lost(phases, data) -> None:
    edges = {
        f"{phase}.A": data.draw(st.lists(st.sampled_from([f"{name}.A" for name in phases[:number]]), unique=True))
        if number
        else []
        for number, phase in enumerate(phases)
    }
    legs = legs_of(catalogue_of(dict(sorted(edges.items()))), ANY)
    order = [leg.phase.id for leg in legs]
    assert sorted(order) == sorted(phases)
    for leg in legs:
        assert all(order.index(before) < order.index(leg.phase.id) for before in leg.upstream)
        assert {f"{name}.A" for name in leg.upstream} == set(edges[f"{leg.phase.id}.A"])


def test_phases_that_rest_on_each_other_are_no_pipeline() -> None:
    catalogue = catalogue_of({"M1.A": [], "M2.A": ["M1.A"], "M1.B": ["M2.A"]})
    with pytest.raises(CatalogueError, match=r"these phases rest on each other: M\d <- M\d <- M\d"):
        legs_of(catalogue, ANY)


def test_a_leg_that_would_need_two_runners_is_refused_with_what_to_write() -> None:
    catalogue = catalogue_of({"M1.A": [], "M1.B": []}, {"M1.A": ["substrate"], "M1.B": ["gpu"]})
    with pytest.raises(CatalogueError, match="its gates need runners that are not one: big, small"):
        legs_of(catalogue, ANY | {"substrate": "small", "gpu": "big"})


def test_without_a_gate_there_is_nothing_to_run() -> None:
    empty = catalogue_of({"M1.A": []}).model_copy(update={"documents": ()})
    with pytest.raises(CatalogueError, match="it has no gates"):
        legs_of(empty, ANY)


def test_the_command_prints_a_matrix_for_github_and_a_text_for_people(demo, monkeypatch, capsys) -> None:
    monkeypatch.chdir(demo.root)
    assert main(["matrix", "--json"]) == 0
    matrix = json.loads(capsys.readouterr().out)
    assert list(matrix) == ["include"]
    (leg,) = matrix["include"]
    assert (leg["phase"], leg["marker"], leg["runs_on"]) == ("M9", "m9", "ubuntu-24.04")
    assert {gate["id"] for gate in leg["gates"]} == {"M9.A", "M9.B"}
    assert main(["matrix"]) == 0
    out = capsys.readouterr().out
    assert "pytest -m m9; runs on ubuntu-24.04" in out
    assert "M9.B" in out


def test_the_settings_name_runners(demo, monkeypatch, capsys) -> None:
    monkeypatch.chdir(demo.root)
    text = (demo.root / "pyproject.toml").read_text()
    demo.write("pyproject.toml", f'{text}\n[tool.phasegate.runs_on]\ndefault = "own"\nsubstrate = "large"\n')
    assert require_settings(demo.root).runs_on == {"default": "own", "substrate": "large"}
    demo.write("pyproject.toml", f"{text}\n[tool.phasegate.runs_on]\ndefault = 3\n")
    assert main(["matrix"]) == ExitCode.USAGE
    assert 'runs_on: is not a table of `need = "runner"`' in capsys.readouterr().err
