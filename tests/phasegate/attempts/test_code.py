"""The code that judged an attempt: what is digested, what is in no commit, and what a change of it does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from phasegate.attempts.code import FRAMEWORK, Code


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project in a folder of a repository, with everything committed."""
    root = tmp_path / "repository/project"
    for name in ("shared/a.py", "shared/deep/b.yaml", "shared/notes.md", "gates/test_m9a.py", "gates/test_m9b.py"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    git(root.parent, "init", "-q")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-qm", "all")
    return root


def git(folder: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{part}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, env=os.environ | who, check=True)


def code(root: Path, *shared: str, also: tuple[str, ...] = ()) -> Code:
    own = {f"M9.{letter.upper()}": [f"gates/test_m9{letter}.py"] for letter in "ab"}
    return Code(root, [FRAMEWORK, "shared", *shared], own=own.__getitem__, also=lambda _: also)


def test_a_gate_is_judged_by_its_own_modules_and_by_what_all_share(tree) -> None:
    judged = code(tree, also=("shared/a.py", "loaded.py")).judging("M9.A")
    assert [*judged.digests] == ["gates/test_m9a.py", FRAMEWORK, "shared"]
    assert judged.uncommitted == ()
    assert len(judged.commit) == 40
    assert code(tree).changes("M9.A", judged.digests) == []


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("shared/a.py", "other", ["shared"]),
        ("shared/new.py", "", ["shared"]),
        ("shared/deep/b.yaml", None, ["shared"]),
        ("gates/test_m9a.py", "other", ["gates/test_m9a.py"]),
        ("gates/test_m9b.py", "other", []),
        ("shared/notes.md", "other", []),
        ("shared/__pycache__/a.pyc", "other", []),
    ],
)
def test_what_changed_since_is_named_and_what_does_not_judge_is_not(tree, name, text, changed) -> None:
    judged = code(tree).judging("M9.A")
    path = tree / name
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert code(tree).changes("M9.A", judged.digests) == changed
    assert code(tree).judging("M9.A").uncommitted == ((name,) if changed else ())


def test_code_that_judges_now_and_did_not_then_is_named(tree) -> None:
    judged = code(tree).judging("M9.A")
    (tree / "more.py").write_text("")
    assert code(tree, "more.py").changes("M9.A", judged.digests) == ["more.py"]
    assert code(tree, "absent.py").changes("M9.A", judged.digests) == []
    assert code(tree, also=("more.py",)).changes("M9.A", judged.digests) == [], "a plugin that was added judges later"
    with_plugin = code(tree, also=("more.py",)).judging("M9.A")
    (tree / "more.py").unlink()
    assert code(tree).changes("M9.A", with_plugin.digests) == ["more.py"]


def test_conftest_files_judge_the_modules_beside_and_below_them(tree) -> None:
    judged = code(tree).judging("M9.A")
    for name in ("conftest.py", "gates/conftest.py", "gates/deep/conftest.py", "other/conftest.py"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("")
    (tree.parent / "conftest.py").write_text("")
    assert code(tree).changes("M9.A", judged.digests) == ["conftest.py", "gates/conftest.py"]
    assert Code(tree, [FRAMEWORK, "shared"]).changes("M9.A", judged.digests) == ["conftest.py", "gates/conftest.py"]
    again = code(tree).judging("M9.A")
    assert {"conftest.py", "gates/conftest.py"} == again.digests.keys() - judged.digests.keys()
    assert again.uncommitted == ("conftest.py", "gates/conftest.py")
    (tree / "gates/conftest.py").unlink()
    assert code(tree).changes("M9.A", again.digests) == ["gates/conftest.py"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.py", "", "a\0b", "gates/pipe", "plugin:gone"])
def test_a_record_leads_out_of_the_project_nowhere(tree, name) -> None:
    os.mkfifo(tree / "gates/pipe")
    (tree.parent / "outside.py").write_text("")
    judged = code(tree).judging("M9.A")
    assert code(tree).changes("M9.A", {**judged.digests, name: "0" * 64}) == [name]


def test_without_version_control_nobody_says_what_is_committed(tmp_path) -> None:
    (tmp_path / "shared").mkdir()
    judged = Code(tmp_path, ["shared"]).judging("M9.A")
    assert (judged.commit, judged.uncommitted) == (None, None)
    assert [*judged.digests] == ["shared"]
