"""A test of a verifier that stands in the sources and was not collected holds its gate, whatever left it out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from string import ascii_uppercase

import pytest

from phasegate.errors import ExitCode

MORE = """
    import pytest
    pytestmark = pytest.mark.gate("M9.X")
    @pytest.mark.verifier("M9X-V2")
    def test_more(gate):
        assert False
    """


@dataclass(frozen=True)
class Way:
    """A way in which a second test of a verifier vanishes; X stands for the letter of its gate."""

    file: str = "gates/test_m9x_more.py"
    name: str = "test_more"
    source: str = MORE
    conftest: str = ""


def changed(*parts: tuple[str, str]) -> str:
    source = textwrap.dedent(MORE)
    for old, new in parts:
        assert old in source
        source = source.replace(old, new)
    return source


IN_A_CLASS = """
    import pytest
    pytestmark = pytest.mark.gate("M9.X")
    {head}:
        {body}
        @pytest.mark.verifier("M9X-V2")
        def test_more(self, gate): assert False
    """

WAYS = (
    Way(conftest='collect_ignore = ["gates/test_m9x_more.py"]'),
    Way(conftest='collect_ignore_glob = ["*/test_m9x_m*"]'),
    Way(conftest="def pytest_ignore_collect(collection_path): return 'm9x_more' in collection_path.name or None"),
    Way(conftest="def pytest_pycollect_makeitem(name): return [] if name == 'test_more_x' else None",
        name="test_more_x", source=changed(("test_more", "test_more_x"))),
    Way("gates/ignored/test_m9x_more.py"),
    Way("gates/unwanted/test_m9x_more.py"),
    Way("gates/.hidden/test_m9x_more.py"),
    Way("gates/venv/test_m9x_more.py"),
    Way("gates/m9x_more.py"),
    Way(source=changed(("import pytest\n", "import pytest\npytest.importorskip('there_is_no_such_module')\n"))),
    Way(source=changed(("import pytest\n", "import pytest\n__test__ = False\n"))),
    Way(source=changed(("assert False\n", "assert False\ntest_more.__test__ = False\n"))),
    Way(source=changed(("test_more", "check_more")), name="check_more"),
    Way(source=changed(("@pytest", "if False:\n  @pytest"), ("def ", "  def "))),
    Way(source=IN_A_CLASS.format(head="class Checks", body="pass"), name="Checks.test_more"),
    Way(source=IN_A_CLASS.format(head="class TestIt", body="def __init__(self): pass"), name="TestIt.test_more"),
    Way(source=IN_A_CLASS.format(head="class TestIt", body="__test__ = False"), name="TestIt.test_more"),
    Way(source=changed(('pytest.mark.gate("M9.X")', '[pytest.mark.verifier("M9X-V2")]'), ("test_more", "more"),
                       ('@pytest.mark.verifier("M9X-V2")\n', "")), name="the module"),
    Way("gates/test_m9x.py", "check", 'TWICEdef check(gate): pass\npytest.mark.verifier("M9X-V2")(check)\n'),
    Way("gates/test_m9x.py", "test_body", 'TWICE@pytest.mark.verifier("M9X-V2")\ndef test_body(gate):\n    pass\n'),
    Way(source=changed(('"M9X-V2"', '"-".join(["M9X", "V2"])'), ("test_more", "check_more")), name="check_more"),
    Way(source=changed(('("M9X-V2")', '(name="M9X-V2")'), ("test_more", "check_more")), name="check_more"),
)  # fmt: skip


def of_gate(text: str, letter: str) -> str:
    return text.replace("M9X", f"M9{letter}").replace("M9.X", f"M9.{letter}").replace("m9x", f"m9{letter.lower()}")


@pytest.fixture
def vanished(project) -> dict[str, Way]:
    """A project with one gate for each way, whose three tests pass; by letter."""
    ways = dict(zip(ascii_uppercase, WAYS, strict=False))
    project.only(*ways)
    hooks: dict[str, str] = {}
    for letter, way in ways.items():
        path = project.path / of_gate(way.file, letter)
        source = of_gate(textwrap.dedent(way.source), letter)
        if source.startswith("TWICE"):
            source = path.read_text() + source.removeprefix("TWICE")
        project.write(str(path.relative_to(project.path)), source)
        if way.conftest:
            hooks[way.conftest.split("(")[0]] = of_gate(way.conftest, letter)
    conftest = (project.path / "conftest.py").read_text()
    project.write("conftest.py", "\n".join([textwrap.dedent(conftest), *hooks.values()]))
    return ways


def test_whatever_leaves_a_test_out_holds_its_gate(project, vanished) -> None:
    options = ("--ignore=gates/ignored", "-o", "norecursedirs=unwanted .* venv")
    assert project.run(*options).ret == ExitCode.INCOMPLETE
    summaries = project.summaries()
    for letter, way in vanished.items():
        summary = summaries[f"M9.{letter}"]
        assert summary["blockers"] == [f"M9{letter}-NOT_EVALUATED"], (way, summary["blocker_details"])
        (detail,) = [each["detail"] for each in summary["blocker_details"]]
        assert detail.startswith(f"{of_gate(way.file, letter)}:"), (way, detail)
        assert f": {way.name} is marked" in detail, (way, detail)
        assert "collected" in detail
    assert "could not import 'there_is_no_such_module'" in str(summaries["M9.J"]["blocker_details"])
    assert "defines that name once more" in str(summaries["M9.T"]["blocker_details"])
    listed = project.phasegate("catalog", "lint").stdout.lines
    in_another_way = {  # it collects without the options of this session
        "E": "M9E-V2 is implemented by",
        "F": "M9F-V2 is implemented by",
        "J": "is skipped while it is collected",
    }
    for letter, way in vanished.items():
        said = in_another_way.get(letter, f": {way.name} is marked")
        assert any(said in line and of_gate(way.file, letter) in line for line in listed), (way, listed)


NAMED_ELSEWHERE = {
    "identifier": ("V2 = 'M9A-V2'", "import names", "@pytest.mark.verifier(names.V2)"),
    "mark": ("import pytest\nV2 = pytest.mark.verifier('M9A-V2')", "from names import V2", "@V2"),
    "factory": (
        (
            "import pytest\ndef made_of(check):\n"
            "    @pytest.mark.verifier('M9A-V2')\n    def test(gate): check(gate)\n    return test"
        ),
        "from names import made_of",
        "",
    ),
}


@pytest.mark.parametrize("how", NAMED_ELSEWHERE)
def test_a_replaced_test_is_missed_wherever_its_verifier_is_named(project, how) -> None:
    names, head, mark = NAMED_ELSEWHERE[how]
    project.only("A")
    project.write("elsewhere/names.py", names)
    path = project.path / "gates/test_m9a.py"
    start, _, rest = path.read_text().partition('@pytest.mark.verifier("M9A-V2")')
    _, _, end = rest.partition('@pytest.mark.verifier("M9A-V3")')
    tests = [f"{mark}\ndef test_body(gate): assert {value}\n" for value in (False, True)]
    if not mark:
        tests = [f"def check(gate): assert {value}\ntest_body = made_of(check)\n" for value in (False, True)]
    path.write_text(f'{head}\n{start}{"".join(tests)}@pytest.mark.verifier("M9A-V3"){end}')
    options = ("-o", "pythonpath=elsewhere")
    assert project.run(*options).ret == ExitCode.INCOMPLETE
    (finding,) = project.summaries()["M9.A"]["blocker_details"]
    assert "test of M9A-V2, and was not collected" in finding["detail"]
    path.write_text(path.read_text().replace(tests[0], ""))
    assert project.run(*options).ret == ExitCode.OK


def test_a_module_that_is_imported_twice_is_collected_once(project) -> None:
    project.only("A")
    path = project.path / "gates/test_m9a.py"
    path.write_text("import names\n" + path.read_text().replace('"M9A-V2"', "names.V2"))
    project.write("gates/names.py", "V2 = 'M9A-V2'")
    project.write("gates/test_plain.py", "import test_m9a\ndef test_it(): assert test_m9a.names.V2")
    assert project.run("-o", "pythonpath=gates").ret == ExitCode.OK


def test_a_narrowed_session_says_what_of_its_verifiers_it_left_out(project) -> None:
    project.only("A")
    body = "gates/test_m9a.py::test_body"
    project.write("gates/more/test_m9a.py", of_gate(MORE, "A"))
    project.run("gates/test_m9a.py::test_entry", body, "gates/test_m9a.py::test_publish")
    (finding,) = project.summaries()["M9.A"]["blocker_details"]
    assert finding["detail"].startswith("gates/more/test_m9a.py:4: test_more is marked as a test of M9A-V2")
    project.run(body)
    details = {each["verifier"]: each["detail"] for each in project.summaries()["M9.A"]["blocker_details"]}
    assert details.keys() == {"M9A-V1", "M9A-V2", "M9A-V3"}
    assert details["M9A-V1"] == "no test of it ran"


SHAPES = {
    "MIXIN": (
        """
        from helpers import Mixin
        class TestIt(Mixin): pass
        """
    ),
    "WRAPPED": (
        """
        from functools import wraps
        def traced(function):
            @wraps(function)
            def inner(*args, **kwargs): return function(*args, **kwargs)
            return inner
        @traced
        @pytest.mark.verifier("M9X-V2")
        def test_it(gate): assert gate
        """
    ),
    "REPLACED": (
        """
        def given(function):
            def test_it(gate): function(gate)
            return test_it
        @pytest.mark.verifier("M9X-V2")
        @given
        def test_it(gate): assert gate
        """
    ),
    "CASES": (
        """
        from pytest import mark
        @mark.parametrize("case", [1, 2])
        @mark.verifier("M9X-V2")
        def test_it(gate, case): assert case
        """
    ),
    "IMPORTED": "from helpers import test_imported\n",
    "MADE": (
        """
        def made():
            @pytest.mark.verifier("M9X-V2")
            def inner(gate): assert gate
            return inner
        test_it = made()
        """
    ),
    "APPLIED": (
        """
        def check(gate): assert gate
        test_it = pytest.mark.verifier("M9X-V2")(check)
        """
    ),
    "CLASS": (
        """
        class TestAll:
            pytestmark = pytest.mark.verifier("M9X-V2")
            def helper(self): pass
            @pytest.mark.parametrize("case", [1, 2])
            def test_it(self, gate, case): assert case
        """
    ),
    "UNITTEST": (
        """
        import unittest
        class Checks(unittest.TestCase):
            @pytest.mark.verifier("M9X-V2")
            def test_it(self): self.assertTrue(True)
        """
    ),
    "PROPERTY": (
        """
        from hypothesis import HealthCheck, given, settings, strategies
        @pytest.mark.verifier("M9X-V2")
        @settings(max_examples=2, suppress_health_check=list(HealthCheck), database=None)
        @given(number=strategies.integers())
        def test_it(gate, number): assert number == number
        """
    ),
}
HELPERS = """
    import pytest
    class Mixin:
        @pytest.mark.verifier("M9A-V2")
        def test_it(self, gate): assert gate
    @pytest.mark.verifier("M9E-V2")
    def test_imported(gate): assert gate
    """


def test_tests_that_are_collected_under_another_name_or_from_another_place_are_not_missed(project) -> None:
    letters = dict(zip(SHAPES, ascii_uppercase, strict=False))
    project.only(*letters.values())
    project.write("pyproject.toml", (project.path / "pyproject.toml").read_text() + 'pythonpath = ["gates"]\n')
    project.write("gates/helpers.py", HELPERS)
    for name, letter in letters.items():
        path = project.path / f"gates/test_m9{letter.lower()}.py"
        head, body, rest = path.read_text().partition(
            f'@pytest.mark.verifier("M9{letter}-V2")\ndef test_body(gate):\n    pass\n'
        )
        assert body
        path.write_text(head + textwrap.dedent(of_gate(SHAPES[name], letter)) + rest)
    assert project.run().ret == ExitCode.OK
    assert "not collected" not in project.phasegate("catalog", "lint").stdout.str()
