"""What lies among attempts and belongs to none, and the form of the word that takes an attempt back."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.attempts.layout import Layout
from phasegate.attempts.strays import strays

HEX = "0123456789abcdef0123456789abcdef"
REASON = "reason: the verifier was broken\n"
MOMENT = "invalidated_at_utc: 2026-02-24T04:33:34.000Z\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A platform's folder as phasegate leaves it."""
    root = tmp_path / "runs/demo"
    for folder in (".heads", ".pruned", ".sessions", ".empty", "m9/.staging", "m9/m9a_20260224T043334Z"):
        (root / folder).mkdir(parents=True)
    (root / ".lock").touch()
    (root / "m9/RUN_INDEX.md").touch()
    return root


def put(path: Path, kind: str, target: Path) -> None:
    """Puts a file, a folder that holds one, or a link in the place of whatever is there."""
    if path.is_dir():
        path.rename(path.with_name(f".{path.name}.{HEX}") if path.parent.name == "m9" else target / path.name)
    path.unlink(missing_ok=True)
    if kind == "file":
        path.write_text("{}")
    elif kind == "folder":
        path.mkdir()
        (path / "hidden.json").write_text("{}")
    else:
        path.symlink_to(target)


def found(root: Path, *, harmless: bool) -> list[str]:
    return [stray.place for stray in strays(Layout(root.parent, root.name)) if stray.harmless is harmless]


def test_all_that_phasegate_writes_itself_is_expected(root) -> None:
    assert list(strays(Layout(root.parent, root.name))) == []
    assert list(strays(Layout(root.parent, "nowhere"))) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
@pytest.mark.parametrize(
    "place",
    [
        "extra",
        "m9x",
        "M9",
        "m9/extra.json",
        "m9/.hidden",
        f"m9/.extra.json.{HEX}",
        "m9/.pruned-extra",
        "m9/m8a_20200101T000000Z",
        "m9/.staging/extra",
    ],
)
def test_what_no_attempt_accounts_for_is_a_defect(root, tmp_path, place, kind) -> None:
    put(root / place, kind, tmp_path)
    assert found(root, harmless=False) == [place]


@pytest.mark.parametrize(
    ("place", "kinds"),
    [
        (".lock", "folder link"),
        (".heads", "file link"),
        (".pruned", "file link"),
        (".sessions", "file link"),
        ("m8", "file link"),
        ("m9/RUN_INDEX.md", "folder link"),
        ("m9/.staging/m9a_20200101T000000Z", "file link"),
    ],
)
def test_what_bears_a_name_of_ours_and_is_of_another_kind_is_a_defect(root, tmp_path, place, kinds) -> None:
    for kind in kinds.split():
        put(root / place, kind, tmp_path)
        assert found(root, harmless=False) == [place], kind


@pytest.mark.parametrize(
    "place",
    [
        ".notes",
        f".probe-{HEX}",
        f"m9/.RUN_INDEX.md.{HEX}",
        f"m9/.m9a_20200101T000000Z.{HEX}",
        "m9/.pruned-m9a_20200101T000000Z",
        "m9/.staging/.pruned-m9a_20200101T000000Z",
        "m9/.staging/m9a_20200101T000000Z",
    ],
)
def test_what_a_kill_or_the_platform_left_is_told_and_not_accused(root, tmp_path, place) -> None:
    put(root / place, "folder", tmp_path)
    assert (found(root, harmless=False), found(root, harmless=True)) == ([], [place])


def test_a_name_that_no_terminal_can_show_is_spelled_out(root) -> None:
    (root / "m9" / b"\xff".decode("utf-8", "surrogateescape")).touch()
    (stray,) = strays(Layout(root.parent, root.name))
    stray.place.encode("utf-8")


def marker(bench) -> Path:
    return bench.pass_("A").path / "INVALIDATED.txt"


def said(bench, path: Path) -> list[str]:
    """What is wrong with the pack, whose attempt must be void whatever the marker looks like."""
    (record,) = bench.make_staging().archive.attempts("M9")
    assert record.standing.startswith("invalidated: ")
    assert not bench.make_staging().upstream("M9.A").green
    problems = bench.make_staging().archive.history.pack(path.parent).problems
    return [problem.fact for problem in problems if problem.place == str(path)]


@pytest.mark.parametrize("successor", ["", "superseded_by: m9a_20260224T043335Z\n"])
def test_an_invalidation_of_the_form_that_is_written_is_no_defect(bench, successor) -> None:
    path = marker(bench)
    path.write_text("reason: ünder [way]\n" + MOMENT + successor)
    assert said(bench, path) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "reason: \n" + MOMENT,
        REASON,
        MOMENT,
        MOMENT + REASON,
        REASON + MOMENT.strip(),
        REASON + MOMENT + "approved_by: nobody\n",
        REASON + MOMENT + "superseded_by: another\n",
        REASON + "invalidated_at_utc: yesterday\n",
        "reason: \x00",
    ],
)
def test_an_invalidation_of_another_form_is_a_defect(bench, text) -> None:
    path = marker(bench)
    path.write_text(text)
    assert said(bench, path) == ["the invalidation does not have the form of one: something else wrote it"]


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder"])
def test_an_invalidation_that_is_no_file_is_a_defect_and_a_link_is_not_followed(bench, tmp_path, kind) -> None:
    path, target = marker(bench), tmp_path / "elsewhere.txt"
    if kind == "link":
        target.write_text(REASON + MOMENT)
    put(path, "folder" if kind == "folder" else "link", target)
    found = "a folder" if kind == "folder" else "a symbolic link"
    assert said(bench, path) == [f"the invalidation is {found}, and no regular file"]
    (record,) = bench.make_staging().archive.attempts("M9")
    assert record.standing == "invalidated: no reason given"
