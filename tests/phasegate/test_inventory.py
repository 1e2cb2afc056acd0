from __future__ import annotations

import pytest

from phasegate.catalog.coverage import CollectedTest
from phasegate.harness.inventory import Inventory, take_inventory
from phasegate.settings import require_settings


def inventory(demo: object, timeout_s: float = 60.0) -> Inventory:
    return take_inventory(require_settings(demo.root), timeout_s=timeout_s)  # type: ignore[attr-defined]


def test_functions_that_claim_verifiers_are_found_once_with_file_and_line(demo) -> None:
    demo.write("gates/test_plain.py", "def test_nothing_to_do_with_gates():\n    pass\n")
    found = inventory(demo)
    assert found.problems == ()
    assert found.tests == (
        CollectedTest("M9A-V1", "M9.A", "gates/test_a.py::test_entry", "gates/test_a.py", 7),
        CollectedTest("M9B-V1", "M9.B", "gates/test_b.py::test_entry", "gates/test_b.py", 7),
    )


def test_claims_that_the_catalogue_refuses_are_recorded_all_the_same(demo) -> None:
    demo.gate(
        "A", extra='\n\n@pytest.mark.verifier("M9Z-V1")\ndef test_z():\n    pass\n\n\ndef test_none():\n    pass\n'
    )
    found = inventory(demo)
    assert found.problems == ()
    assert [(test.verifier, test.nodeid.split("::")[1]) for test in found.tests[:2]] == [
        ("", "test_none"),
        ("M9A-V1", "test_entry"),
    ]
    assert "M9Z-V1" in {test.verifier for test in found.tests}


def test_a_module_that_cannot_be_imported_is_a_problem_and_hides_no_other_module(demo) -> None:
    demo.write("gates/test_broken.py", "import there_is_no_such_module\n")
    found = inventory(demo)
    (problem,) = found.problems
    assert problem.place == "gates/test_broken.py"
    assert "there_is_no_such_module" in problem.fact
    assert len(found.tests) == 2


def test_a_module_that_is_skipped_while_it_is_collected_is_a_problem(demo) -> None:
    demo.write("gates/test_skipped.py", 'import pytest\n\npytest.skip("not today", allow_module_level=True)\n')
    (problem,) = inventory(demo).problems
    assert problem.place == "gates/test_skipped.py"
    assert "not today" in problem.fact


@pytest.mark.parametrize(
    ("conftest", "said"),
    [
        ("raise RuntimeError('the conftest is broken')\n", "the conftest is broken"),
        ("import os\n\nos._exit(0)\n", "could not collect"),
    ],
    ids=["raises", "ends the interpreter"],
)
def test_a_collection_that_does_not_come_about_is_a_problem(demo, conftest: str, said: str) -> None:
    demo.write("gates/conftest.py", conftest)
    found = inventory(demo)
    (problem,) = found.problems
    assert said in problem.fact
    assert found.tests == ()


def test_a_collection_that_does_not_end_is_a_problem(demo) -> None:
    demo.write("gates/conftest.py", "import time\n\ntime.sleep(60)\n")
    (problem,) = inventory(demo, timeout_s=2.0).problems
    assert problem.fact == "collecting the verifiers took longer than 2 s"


def test_a_folder_of_verifiers_that_does_not_exist_is_a_problem(demo) -> None:
    pyproject = demo.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('["gates"]', '["gates", "more"]'))
    (problem,) = inventory(demo).problems
    assert (problem.place, problem.fact) == ("more", "the folder of verifiers does not exist")


def test_the_options_that_a_project_adds_to_every_run_hide_no_test(demo) -> None:
    pyproject = demo.root / "pyproject.toml"
    options = '"--strict-markers", "-n2", "-mm9a", "-kother", "-x"'
    pyproject.write_text(pyproject.read_text().replace('"--strict-markers"', options))
    demo.write("gates/test_0_broken.py", "import there_is_no_such_module\n")
    found = inventory(demo)
    assert [problem.place for problem in found.problems] == ["gates/test_0_broken.py"]
    assert len(found.tests) == 2


def test_one_users_options_hide_no_test(demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing --no-such-option")
    found = inventory(demo)
    assert found.problems == ()
    assert len(found.tests) == 2
