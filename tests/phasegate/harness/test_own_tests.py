"""A verifier whose kind the catalogue declares is tested by the framework, as exactly as by a test of one's own."""

from __future__ import annotations

import pytest

from phasegate.errors import ExitCode
from tests.phasegate.documents import gate_document

MODULE = """
    import pytest
    from phasegate.api import block

    pytestmark = pytest.mark.gate("M9.{letter}")

    @pytest.mark.verifier("M9{letter}-V2")
    def test_body(gate):
        gate.metric("seen", True)
    """
ARTIFACTS = """
    import pytest
    from phasegate.api import Artifact

    class Snapshot(Artifact, file="m9{small}_snapshot.json"):
        value: int

    @pytest.fixture
    def gate_artifacts():
        return [Snapshot(value=1)]
    """


@pytest.fixture
def kit(project):
    """Two gates in a chain, each with a folder of its own; V1 and V3 are the framework's."""
    for path in project.path.glob("gates/test_*.py"):
        path.unlink()
    gates = []
    for letter, upstream in (("A", None), ("B", "M9.A")):
        gate = gate_document(letter, upstream=upstream)
        for verifier, kind in zip(gate["verifiers"], ("entry", "check", "publish"), strict=True):
            verifier["kind"] = kind
        gates.append(gate)
        small = letter.lower()
        project.write(f"gates/{small}/test_gate.py", MODULE.format(letter=letter))
        project.write(f"gates/{small}/conftest.py", ARTIFACTS.format(small=small))
    project.gates = gates
    project.catalogue(*gates)
    return project


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_chain_whose_entries_and_publications_nobody_wrote_passes(kit, workers) -> None:
    result = kit.run("-m", "m9", *workers)
    assert result.ret == ExitCode.OK, result.stdout.str()
    for summary in kit.summaries().values():
        assert [row["outcome"] for row in summary["verifiers"]] == ["PASSED"] * 3
        assert next(row["file"] for row in summary["artifacts"] if row["read_back"]).endswith("_snapshot.json")
    assert "has no test" not in kit.phasegate("catalog", "lint").stdout.str()


def test_an_upstream_gate_that_never_ran_raises_the_entry_code(kit) -> None:
    result = kit.run("-m", "m9b")
    assert result.ret == ExitCode.BLOCKED
    summary = kit.summaries()["M9.B"]
    assert summary["blockers"] == ["M9B-B1"]
    assert summary["verifiers"][0]["outcome"] == "BLOCKED"


def test_a_pack_that_lacks_an_artifact_raises_the_evidence_code(kit) -> None:
    kit.path.joinpath("gates/a/conftest.py").unlink()
    assert kit.run("-m", "m9a").ret == ExitCode.BLOCKED
    assert kit.summaries()["M9.A"]["blockers"] == ["M9A-B4"]


def test_they_are_selected_by_their_names_like_any_test(kit) -> None:
    result = kit.run("gates/a/test_gate.py::test_the_pack_is_published")
    assert result.ret == ExitCode.INCOMPLETE
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["test_the_pack_is_published", "test_upstream_is_green"])
def test_a_name_that_the_module_has_leaves_the_verifier_without_a_test(kit, name) -> None:
    path = kit.path / "gates/a/test_gate.py"
    path.write_text(path.read_text() + f"\n{name} = None\n")
    assert kit.run("-m", "m9a").ret == ExitCode.INCOMPLETE
    lint = kit.phasegate("catalog", "lint").stdout.str()
    assert "has no test" in lint


def test_a_module_of_another_name_has_none_of_them(kit) -> None:
    kit.path.joinpath("gates/a/test_gate.py").rename(kit.path / "gates/a/test_other.py")
    assert kit.run("-m", "m9a").ret == ExitCode.INCOMPLETE
    assert "M9A-V1-ENTRY has no test" in kit.phasegate("catalog", "lint").stdout.str()


@pytest.mark.parametrize(
    ("verifier", "change", "fact"),
    [
        (0, {"raises": ["M9B-B1", "M9B-B2"]}, "M9B-V1 is of kind entry, which does not raise M9B-B2"),
        (2, {"raises": ["M9B-B1", "M9B-B4"]}, "M9B-V3 is of kind publish, which does not raise M9B-B1"),
        (0, {"over": ["M9.C"]}, "M9B-V1 cannot look at M9.C"),
        (2, {"over": ["M9.A"]}, "M9B-V3 cannot look at M9.A"),
        (1, {"kind": "chek"}, "'chek' is not one of the known words"),
    ],
)
def test_a_kind_that_cannot_raise_what_it_says_is_a_problem(kit, verifier, change, fact) -> None:
    kit.gates[1]["verifiers"][verifier] |= change
    kit.catalogue(*kit.gates)
    result = kit.run("-m", "m9")
    assert result.ret == ExitCode.USAGE
    result.stderr.fnmatch_lines([f"*{fact}*"])
