"""`phasegate board`: it says what the archive says, and shows nothing as advancing that does not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.board.html import board_html
from phasegate.board.model import AttemptView, Board, GateView, OpenBlocker, PhaseView, State, age
from phasegate.board.svg import board_svg
from phasegate.catalog.load import parse
from phasegate.errors import ExitCode
from tests.phasegate.audit.conftest import BLOCKED, Told, command, evidence, keys, pristine, pristine_three
from tests.phasegate.audit.tampering import attempts
from tests.phasegate.documents import gate_document, phase_document
from tests.phasegate.harness.conftest import project, s3_endpoint

__all__ = ["evidence", "keys", "pristine", "pristine_three", "project", "s3_endpoint"]
AT = datetime(2026, 2, 24, 7, 0, tzinfo=UTC)


def board(project, *arguments: str) -> Told:
    return command(project.path, "board", *arguments)


class Page(HTMLParser):
    """The text of a page, and its tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_green_day_advances_with_exit_code_0(project, evidence) -> None:
    told = board(project)
    assert told.code == ExitCode.OK, told.out
    assert "M9 advances: 3 of 3 gates" in told.out
    assert "ADVANCE_TO_M9AX" in told.out
    assert "2, 1 blocked" in told.out  # the failed attempt of M9.A stays in its story


def test_a_blocked_gate_is_named_with_owner_remedy_and_command_and_what_rests_on_it_waits(project) -> None:
    project.gate("A", v2=BLOCKED)
    project.run()
    told = board(project, "m9", "--html=board.html", "--svg=board.svg")
    assert told.code == ExitCode.BLOCKED
    page = Page((project.path / "board.html").read_text())
    for said in ("M9A-B2", "meaning of M9A-B2", "as told", "remedy of M9A-B2", "pytest -m m9a", "waits for M9.A"):
        assert said in page.text
    assert "demo team closes M9A-B2: remedy of M9A-B2" in page.text
    assert "2 of 3" not in page.text
    assert "1 of 3 gates do" in page.text  # M9.C stands alone
    picture = "".join(each.text or "" for each in drawn((project.path / "board.svg").read_text()))
    assert "blocked: M9A-B2" in picture
    assert "ADVANCE_TO_M9AX" not in page.text + picture


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda path: (path / "m9a_snapshot.json").write_text("{}"), "unsound"),
        (lambda path: (path / "m9a_execution_summary.json").write_text("{}"), "unsound"),
        (lambda path: (path / "attestation.dsse.json").unlink(), "unsound"),
        (shutil.rmtree, "not run"),
        (lambda path: (path / "INVALIDATED.txt").write_text("reason: x\ninvalidated_at_utc: 2026"), "blocked"),
    ],
)
def test_nothing_advances_whose_evidence_does_not_hold(project, evidence, change, state) -> None:
    change(attempts(evidence)[1])
    told = board(project, "--html=board.html")
    assert told.code != ExitCode.OK
    page = Page((project.path / "board.html").read_text())
    classes = [attributes.get("class") for tag, attributes in page.tags if tag == "article"]
    assert classes[0] == f"gate edge-{state.replace(' ', '-')}"
    assert classes[1] != "gate edge-advances"
    assert "ADVANCE_TO_M9AX" not in board(project).out.split("M9.B")[0]


def test_a_gate_that_other_code_judged_is_stale(project, evidence) -> None:
    path = project.path / "gates/test_m9c.py"
    path.write_text(path.read_text() + "\n# another day\n")
    told = board(project)
    assert told.code == ExitCode.INCOMPLETE
    assert "run it again: pytest -m m9c" in told.out
    assert "other code than stands here now" in told.out


def test_a_project_that_ran_nothing_has_a_board_too(project) -> None:
    told = board(project)
    assert told.code == ExitCode.INCOMPLETE
    assert told.out.count("NO VERDICT") == 3
    assert "next: M9.A: run it: pytest -m m9a" in told.out


def test_the_same_attempts_and_moment_give_the_same_picture(project, evidence) -> None:
    for name in ("one.svg", "two.svg"):
        board(project, f"--svg={name}", "--at=2026-12-01T00:00:00Z")
    assert (project.path / "one.svg").read_bytes() == (project.path / "two.svg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (["M7"], ExitCode.USAGE, "'M7' is no phase of the catalogue"),
        (["--at=yesterday"], ExitCode.USAGE, "'yesterday' is no moment with a time zone"),
        (["--at=2026-12-01T00:00:00"], ExitCode.USAGE, "is no moment with a time zone"),
        (["--target=world"], ExitCode.USAGE, "is not of the form NAME=VALUE"),
        (["--html=catalog"], ExitCode.EVIDENCE, "cannot write the board"),
        (["--svg=no/such/folder/b.svg"], ExitCode.EVIDENCE, "cannot write the board"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_code(project, evidence, arguments, code, fact) -> None:
    told = board(project, *arguments)
    assert (told.code, fact in told.err, "remedy: " in told.err) == (code, True, True), told.err


def test_a_pipe_gets_no_control_codes_and_every_row_whole(project, evidence) -> None:
    assert "\x1b" not in board(project).out


@pytest.mark.parametrize(
    ("ago", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7_200, "2 h"), (86_400 * 3, "3 d"), (-5, "0 s")]
)
def test_an_age_is_told_in_its_largest_unit(ago, said) -> None:
    assert age(AT - timedelta(seconds=ago), AT) == said


HOSTILE = st.text(alphabet=st.sampled_from("<>&\"'\x00\x1b\x07\u202e\ud800]{}%a /\n"), min_size=1, max_size=30)


def drawn(picture: str) -> list[ET.Element]:
    return [*ET.fromstring(picture).iter()]  # noqa: S314 - our own picture


def made(text: str) -> Board:
    parsed, _ = parse([("m9.yaml", json.dumps(phase_document(gate_document("A"))))])
    assert parsed is not None
    gate = parsed.gates["M9.A"]
    blocker = OpenBlocker("M9A-B2", "S2", text, text, (text,))
    attempt = AttemptView("m9a_20260224T043334Z", AT, text, (text,), (text,), text, counts=True)
    view = GateView(gate, State.BLOCKED, text, text, AT, text, (blocker,), (attempt,), text, text)
    other = replace(view, blockers=(), state=State.STALE)
    return Board(text, AT, (PhaseView("M9", text, text, (text,), (view, other)),))


@given(HOSTILE)
@settings(deadline=None)
def test_nothing_that_a_pack_says_becomes_a_tag_or_a_command(text: str) -> None:
    picture, page = board_svg(made(text)), board_html(made(text))
    harmless_picture, harmless = board_svg(made("plain")), board_html(made("plain"))
    assert [each.tag for each in drawn(picture)] == [each.tag for each in drawn(harmless_picture)]
    assert [tag for tag, _ in Page(page).tags] == [tag for tag, _ in Page(harmless).tags]
    for written in (picture, page):
        assert not set(written) & set("\x00\x1b\x07\u202e")
        written.encode("utf-8")


def test_page_and_picture_load_nothing(project, evidence) -> None:
    board(project, "--html=board.html", "--svg=board.svg")
    page = Page((project.path / "board.html").read_text())
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object", "form"}
    links = [str(attributes["href"]) for tag, attributes in page.tags if tag == "a"]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert links
    assert {link.removeprefix("#") for link in links} <= ids
    assert "url(" not in (project.path / "board.html").read_text() + (project.path / "board.svg").read_text()
