"""What a source marks as tests of verifiers is read without running it."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.catalog.marked import Marked, marked_in

V1, V2 = "M9A-V1", "M9A-V2"


def marked(source: str) -> list[tuple[str, str, int]]:
    text = "import pytest\nfrom pytest import mark\n" + textwrap.dedent(source)
    return [(each.verifier, each.name, each.line) for each in marked_in(text.encode())]


@pytest.mark.parametrize(
    "decorator",
    [
        "pytest.mark.verifier('M9A-V2')",
        "pytest.mark.verifier('M9A-V2-BODY')",
        "mark.verifier('M9A-V2')",
        "getattr(mark, 'verifier')('M9A-V2')",
        "(mark.verifier('M9A-V2') if pytest else mark.skip)",
        "mark.parametrize('x', [pytest.param(1, marks=mark.verifier('M9A-V2'))])",
    ],
)
@pytest.mark.parametrize("definition", ["def check(gate): pass", "async def test_it(gate): pass"])
def test_a_decorated_function_is_marked_whatever_its_name_is(decorator: str, definition: str) -> None:
    name = "check" if "check" in definition else "test_it"
    assert marked(f"@{decorator}\n@mark.slow\n{definition}\n") == [(V2, name, 3)]


@pytest.mark.parametrize(
    "head",
    [
        "body = mark.verifier('M9A-V2')",
        "made = pytest.mark.verifier\nbody = made('M9A-V2')",
        "ID = 'M9A-V2'\nbody: object = mark.verifier(ID)",
        "if pytest:\n    from marks import verifier as made\nbody = made('M9A-V2')",
    ],
)
def test_names_that_a_module_gives_to_marks_are_followed(head: str) -> None:
    ((verifier, name, _),) = marked(f"{head}\n@body\ndef test_it(gate): pass\n")
    assert (verifier, name) == (V2, "test_it")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("test_it = mark.verifier('M9A-V2')(check)", "test_it"),
        ("test_it = mark.verifier('M9A-V2')(lambda gate: None)", "test_it"),
        ("mark.verifier('M9A-V2')(check)", "check"),
    ],
)
def test_a_mark_that_is_called_with_a_function_marks_it(statement: str, name: str) -> None:
    assert marked(f"def check(gate): pass\n{statement}\n") == [(V2, name, 4)]
    assert marked(f"def check(gate): pass\nmade = {statement.rpartition('(')[0].rpartition(' = ')[2]}\n") == []


def test_functions_are_found_wherever_they_are_defined() -> None:
    found = marked(
        """
        if pytest is None:
            @mark.verifier("M9A-V1")
            def test_a(): pass
        else:
            try:
                @mark.verifier("M9A-V2")
                def test_a(): pass
            except ValueError:
                class Checks:
                    @mark.verifier("M9A-V1")
                    def test_b(self): pass

        def made():
            @mark.verifier("M9A-V2")
            def test_c(): pass
        """
    )
    assert found == [
        (V1, "Checks.test_b", 13),
        (V1, "test_a", 5),
        (V2, "made.<locals>.test_c", 17),
        (V2, "test_a", 9),
    ]


def test_the_nearest_mark_counts_and_those_of_classes_and_modules_mean_their_tests() -> None:
    source = """
        pytestmark = [mark.gate("M9.A")]
        pytestmark += [mark.verifier("M9A-V1")]

        @pytest.fixture
        def test_data(): pass
        def helper(): pass
        def test_of_the_module(): pass
        @mark.verifier("M9A-V2")
        def test_of_its_own(): pass
        class TestIt:
            pytestmark = mark.verifier("M9A-V2")
            def helper(self): pass
            def test_of_the_class(self): pass
        """
    assert [(verifier, name) for verifier, name, _ in marked(source)] == [
        (V1, ""),
        (V1, "test_of_the_module"),
        (V2, "TestIt"),
        (V2, "TestIt.test_of_the_class"),
        (V2, "test_of_its_own"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "@mark.parametrize('verifier', ['M9A-V2'])\ndef test_it(verifier): pass",
        "# @mark.verifier('M9A-V2')\ndef test_it(): 'mark.verifier(M9A-V2)'",
        "def pytest_itemcollected(item): item.add_marker(mark.verifier('M9A-V2'))",
        "a = b\nb = a\n@a\ndef test_it(): verifier('M9A-V2')",
    ],
)
def test_what_names_no_verifier_in_a_mark_is_not_marked(source: str) -> None:
    assert marked(source) == []


@pytest.mark.parametrize(
    "source", [b"def verifier(:", b"verifier\0", b"# coding: nothing\nverifier", b"verifier = \xff"]
)
def test_what_is_no_python_is_said(source: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        marked_in(source)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    source = b'import pytest\n@pytest.mark.verifier("M9A-V1")\ndef test_it(): pass\n' + tail
    try:
        found = marked_in(source)
    except ValueError:
        return
    assert Marked(V1, "test_it", 2) in found
