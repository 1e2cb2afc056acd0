"""A change of what judged a gate leaves a trace, and its evidence counts no more."""

from __future__ import annotations

import json

from phasegate.errors import ExitCode
from tests.phasegate.documents import gate_document, phase_head
from tests.phasegate.harness.conftest import PYPROJECT, module

TAMPERING = """
    import pytest


    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(pyfuncitem):
        try:
            return (yield)
        except AssertionError:
            return True
    """


def test_evidence_that_other_code_judged_does_not_count(project) -> None:
    project.write("helper.py", "def holds(): return True")
    project.gate("A", v2="import helper\nwith blocks('M9A-B2'):\n    assert helper.holds()")
    assert project.run("-m", "m9a or m9b", "-p", "no:randomly").ret == ExitCode.OK
    judged = project.summaries()["M9.A"]["code"]["digests"]
    assert {"phasegate", "conftest.py", "helper.py", "gates/test_m9a.py", "catalog/schemas"} <= judged.keys()
    assert "gates/test_m9b.py" not in judged

    def held_by(*names: str) -> None:
        assert project.run("-m", "m9b").ret == ExitCode.BLOCKED
        summary = project.summaries()["M9.B"]
        why = f"other code than stands here now ({', '.join(names)}); run M9.A again"
        assert why in summary["blocker_details"][0]["detail"], summary["blocker_details"]

    project.write("helper.py", "def holds(): return 1 == 1")
    project.write("catalog/schemas/m9a_snapshot.schema.json", json.dumps({"type": "object", "minProperties": 1}))
    held_by("catalog/schemas", "helper.py")
    project.write("catalog/schemas/m9a_snapshot.schema.json", json.dumps({"type": "object"}))
    project.write("helper.py", "def holds(): return False")
    project.write("tampering.py", TAMPERING)
    project.run("-m", "m9a", "-p", "tampering")
    project.write("helper.py", "def holds(): return True")
    (project.path / "tampering.py").unlink()
    held_by("helper.py", "tampering.py")
    assert project.run("-m", "m9a or m9b").ret == ExitCode.OK


def test_what_judges_now_and_did_not_then_is_named_by_session_and_command_alike(project) -> None:
    """Files beside the verifiers, and rules of the catalogue, that are there since the evidence was made."""
    assert project.run("-m", "m9a").ret == ExitCode.OK
    catalogue = project.path / "catalog/m9.yaml"
    document = catalogue.read_text()

    def verdict() -> str:
        return project.phasegate("verdict", "M9.A").stdout.str()

    project.write("gates/other/conftest.py", "# of folders without a module of the gate")
    project.write("gates/test_plain.py", "def test_plain(): pass")
    project.write("gates/test_m9d.py", "# M9A-V1 is no mark of this module, as no verifier is")
    catalogue.write_text(document.replace("body holds", "the body holds").replace("remedy of", "what fixes"))
    assert "ADVANCE_TO_M9AX" in verdict()
    added = {
        "gates/conftest.py": "",
        "gates/deep/helper.py": "",
        "gates/test_m9a_more.py": "import pytest\n@pytest.mark.verifier('M9A-V2')\ndef body(gate): assert False",
    }
    for name, text in added.items():
        path = project.write(name, text)
        assert f"other code than stands here now ({name}); run M9.A again" in verdict()
        path.unlink()
    catalogue.write_text(document.replace('"S2"', '"S3"', 1))
    assert "other code than stands here now (catalogue:M9.A); run M9.A again" in verdict()
    for name, text in added.items():
        project.write(name, text)
    assert project.run("gates/test_m9b.py").ret == ExitCode.BLOCKED
    (finding, *_) = project.summaries()["M9.B"]["blocker_details"]
    named = ", ".join(sorted([*added, "catalogue:M9.A"]))
    assert f"other code than stands here now ({named}); run M9.A again" in finding["detail"]


def test_a_plugin_that_lies_outside_of_the_project_judges_too(project, tmp_path_factory, monkeypatch) -> None:
    folder = tmp_path_factory.mktemp("plugins")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    source = "class Other: pass\n\n\ndef pytest_configure(config): config.pluginmanager.register(Other())\n"
    (folder / "lenient.py").write_text(source)
    assert project.run("-m", "m9a", "-p", "lenient").ret == ExitCode.OK
    judged = project.summaries()["M9.A"]["code"]["digests"]
    assert {name for name in judged if ":" in name} == {"plugin:lenient", "catalogue:M9.A"}
    assert project.phasegate("verdict", "m9a").ret == ExitCode.OK
    assert project.run("-m", "m9b", "-p", "lenient").ret == ExitCode.OK
    assert "plugin:lenient" in project.summaries()["M9.B"]["code"]["digests"]
    for source_now in (source + "# edited", None):
        options = ["-p", "lenient"] if source_now else []
        (folder / "lenient.py").write_text(source_now or source)
        assert project.run("-m", "m9b", *options).ret == ExitCode.BLOCKED
        why = "other code than stands here now (plugin:lenient); run M9.A again"
        assert why in project.summaries()["M9.B"]["blocker_details"][0]["detail"]


def test_what_a_gates_folder_holds_judges_that_gate_and_who_imports_it(project) -> None:
    for path in (*project.path.glob("gates/*.py"), project.path / "catalog/m9.yaml"):
        path.unlink()
    for path in project.path.glob("catalog/schemas/*"):
        path.unlink()
    project.write("pyproject.toml", PYPROJECT.replace('"catalog"', '"gates"') + '\n    pythonpath = ["."]\n')
    project.write("gates/m9/phase.yaml", json.dumps(phase_head()))
    for letter, upstream in (("A", None), ("B", "M9.A"), ("C", None)):
        home = f"gates/m9/{letter.lower()}"
        project.write(f"{home}/gate.yaml", json.dumps(gate_document(letter, upstream=upstream)))
        project.write(f"{home}/schemas/m9{letter.lower()}_snapshot.schema.json", '{"type": "object"}')
        project.write(f"{home}/checks.py", "def holds(): return True")
        others = f"from gates.m9.c import checks as other{letter}\n" if letter == "B" else ""
        text = module(letter, v2="assert checks.holds()")
        project.write(f"{home}/test_gate.py", f"from gates.m9.{letter.lower()} import checks\n{others}{text}")
    assert project.run().ret == ExitCode.OK
    judged = project.summaries()["M9.A"]["code"]["digests"]
    own = {f"gates/m9/a/{name}" for name in ("checks.py", "test_gate.py", "schemas")}
    assert judged.keys() == {*own, "phasegate", "conftest.py", "catalogue:M9.A"}
    assert "gates/m9/c/checks.py" in project.summaries()["M9.B"]["code"]["digests"]

    for name in ("b/checks.py", "c/checks.py", "c/test_gate.py", "b/schemas/m9b_snapshot.schema.json"):
        path = project.path / "gates/m9" / name
        path.write_text(path.read_text() + "\n")
    assert project.phasegate("verdict", "M9.A").ret == ExitCode.OK
    assert project.phasegate("verdict", "M9.B").ret == ExitCode.INCOMPLETE
    (project.path / "gates/m9/a/checks.py").write_text("def holds(): return not False")
    said = project.phasegate("verdict", "M9.A")
    assert "other code than stands here now (gates/m9/a/checks.py)" in said.stdout.str()


def test_a_module_of_another_gates_folder_that_somebody_else_loads_counts_for_all(project) -> None:
    document = json.loads((project.path / "catalog/m9.yaml").read_text())
    moved = document["gates"].pop(2)
    (project.path / "catalog/m9.yaml").write_text(json.dumps(document))
    project.write("catalog/c/gate.yaml", json.dumps(moved))
    project.write("catalog/c/hidden.py", "")
    project.write("gates/test_m9a.py", module("A", v2="import importlib\nimportlib.import_module('catalog.c.hidden')"))
    pyproject = project.path / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + 'pythonpath = ["."]\n')
    assert project.run("-m", "m9a").ret == ExitCode.OK
    assert "catalog/c/hidden.py" in project.summaries()["M9.A"]["code"]["digests"]
