"""Which attempt is authoritative, and what a changed byte anywhere does to all that rests on it."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phasegate.catalog.load import parse
from phasegate.errors import EvidenceError
from phasegate.evidence.attestation import ATTESTATION, Predecessor
from phasegate.evidence.canonical import sha256
from phasegate.evidence.content import sealed
from phasegate.verdict import TestState
from tests.phasegate.attempts.conftest import document
from tests.phasegate.attempts.signing import previous, signed_anew, verified


def standing(bench) -> dict[str, str]:
    return {record.execution_id: record.standing for record in bench.staging.archive.attempts("M9")}


def test_each_gate_rests_on_the_authoritative_attempt_before_it(bench) -> None:
    first = bench.pass_("A")
    second = bench.pass_("B")
    third = bench.pass_("C")
    assert third.judgement.overall_pass
    (row,) = bench.summary(second)["upstream"]
    assert row["execution_id"] == first.execution_id
    assert row["green"] is True
    assert set(standing(bench).values()) == {"authoritative"}


def test_a_gate_without_upstream_evidence_is_blocked_by_the_absent_code(bench) -> None:
    committed = bench.pass_("B")
    assert committed.judgement.blockers == ("M9B-B2",)
    assert "no complete, valid attempt" in committed.judgement.findings[0].detail


def test_a_blocked_upstream_is_an_entry_finding_that_names_its_blockers(bench) -> None:
    bench.commit(bench.open("A"))
    committed = bench.pass_("B")
    assert committed.judgement.blockers == ("M9B-B1",)
    assert "(blockers: M9A-B3)" in committed.judgement.findings[0].detail


def test_an_incomplete_attempt_leaves_the_older_authoritative_one_in_place(bench) -> None:
    good = bench.pass_("A")
    partial = bench.commit(bench.filled("A", TestState.SKIPPED))
    found = standing(bench)
    assert found[good.execution_id] == "authoritative"
    assert found[partial.execution_id] == "incomplete: M9A-V1 not evaluated"
    assert bench.pass_("B").judgement.overall_pass


def test_a_complete_blocked_attempt_is_the_newest_word(bench) -> None:
    bench.pass_("A")
    bench.commit(bench.open("A"))
    assert not bench.pass_("B").judgement.overall_pass


def test_evidence_of_another_substrate_does_not_count(bench) -> None:
    bench.pass_("A")
    other = bench.make_staging(substrate="aws")
    assert not other.upstream("M9.A").green
    assert bench.staging.upstream("M9.A").green


def test_a_byte_changed_at_the_start_of_the_chain_is_found_at_its_end(bench) -> None:
    first = bench.pass_("A")
    bench.pass_("B")
    third = bench.pass_("C")
    path = first.path / "m9a_two.json"
    path.write_bytes(path.read_bytes().replace(b"1", b"2"))
    assert not bench.staging.upstream("M9.B").green
    assert "m9a_two.json: was altered" in bench.staging.upstream("M9.B").why
    assert standing(bench)[third.execution_id].startswith("unsound: m9a_two.json: was altered")


def test_an_upstream_attempt_replaced_by_a_valid_other_one_is_found(bench) -> None:
    first = bench.pass_("A")
    bench.pass_("B")
    path = first.path / "m9a_execution_summary.json"
    summary = json.loads(path.read_bytes())
    del summary["content"]
    summary["metrics"]["added"] = 1
    path.write_bytes(sealed(summary, name="summary"))
    signed_anew(first.path, path.name)
    assert bench.staging.upstream("M9.A").green
    assert "the summary of its upstream attempt" in bench.staging.upstream("M9.B").why


def test_an_upstream_attempt_that_is_gone_is_found(bench) -> None:
    first = bench.pass_("A")
    bench.pass_("B")
    shutil.rmtree(first.path)
    assert "is gone" in bench.staging.upstream("M9.B").why


@pytest.mark.parametrize("later", [False, True])
def test_the_newest_word_of_a_gate_cannot_be_taken_away_in_silence(bench, later) -> None:
    good = bench.pass_("A")
    bad = bench.commit(bench.filled("A", TestState.ERRORED))
    assert not bench.staging.upstream("M9.A").green
    if later:  # the chain goes on behind it, and its statement names it
        bench.pass_("C")
    bad.path.rename(bench.root / bad.path.name)
    found = bench.staging.upstream("M9.A")
    assert not found.green
    assert found.absent
    assert f"{bad.execution_id} is gone" in found.why
    assert bench.pass_("B").judgement.blockers == ("M9B-B2",)
    bench.now += timedelta(minutes=1)
    again = bench.pass_("A")
    assert bench.staging.upstream("M9.A").execution_id == again.execution_id != good.execution_id
    assert bench.staging.upstream("M9.A").green


def test_nor_can_that_of_a_gate_further_back(bench) -> None:
    bench.pass_("A")
    bench.pass_("B")
    bad = bench.commit(bench.filled("A", TestState.ERRORED))
    assert "took its place" in bench.staging.upstream("M9.B").why
    shutil.rmtree(bad.path)
    found = bench.staging.upstream("M9.B")
    assert not found.green
    assert f"{bad.execution_id} is gone" in found.why


def test_an_attempt_that_is_gone_leaves_no_older_one_to_rest_on_where_it_was_the_only_one(bench) -> None:
    only = bench.pass_("A")
    shutil.rmtree(only.path)
    assert "is gone" in bench.staging.upstream("M9.A").why


def test_the_ends_of_the_chain_are_read_once_and_anew_where_a_statement_changed(bench, monkeypatch) -> None:
    first, second = bench.pass_("A"), bench.pass_("A")
    heads, ends = (
        bench.staging.archive.heads,
        lambda: [item.execution_id for item in bench.staging.archive.heads.read()],
    )
    assert ends() == [second.execution_id]
    with monkeypatch.context() as patch:
        patch.setattr("phasegate.attempts.heads.read_file", lambda path: pytest.fail(f"{path} is read again"))
        assert ends() == [second.execution_id]
    path = second.path / ATTESTATION
    before, digest = path.stat(), heads.attested(second.execution_id)
    (named,) = previous(second.path)
    other = Predecessor(f"{named.execution_id[:-2]}9Z", named.sha256)
    signed_anew(second.path, "m9a_execution_summary.json", [other])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert ends() == sorted([first.execution_id, second.execution_id])
    assert heads.attested(second.execution_id) != digest
    shutil.rmtree(first.path)
    assert ends() == [second.execution_id]


def test_a_copy_in_the_folder_of_another_phase_hides_no_end(bench) -> None:
    first, second = bench.pass_("A"), bench.pass_("A")
    copy = shutil.copytree(first.path, bench.root / "demo/m8" / first.execution_id)
    signed_anew(copy, "m9a_execution_summary.json", [Predecessor(second.execution_id, "0" * 64)])
    third = bench.pass_("A")
    assert [item.execution_id for item in previous(third.path)] == [second.execution_id]


def test_an_invalidated_attempt_is_void_and_says_why(bench) -> None:
    first = bench.pass_("A")
    second = bench.pass_("A")
    marker = bench.staging.archive.invalidate(second.execution_id, "the  verifier\nwas broken", first.execution_id)
    assert marker.read_text().splitlines()[0] == "reason: the verifier was broken"
    assert f"superseded_by: {first.execution_id}" in marker.read_text()
    assert standing(bench) == {
        first.execution_id: "authoritative",
        second.execution_id: "invalidated: the verifier was broken",
    }
    index = (first.path.parent / "RUN_INDEX.md").read_text()
    assert "invalidated: the verifier was broken" in index


@pytest.mark.parametrize(
    ("name", "reason", "by", "message"),
    [
        ("m9a_20200101T000000Z", "r", None, "no committed attempt"),
        ("../../etc", "r", None, "no committed attempt"),
        (None, "  ", None, "needs a reason"),
        (None, "r", "m9a_20200101T000000Z", "does not exist"),
    ],
)
def test_a_wrong_invalidation_is_refused(bench, name, reason, by, message) -> None:
    committed = bench.pass_("A")
    with pytest.raises(EvidenceError, match=message):
        bench.staging.archive.invalidate(name or committed.execution_id, reason, by)
    assert standing(bench)[committed.execution_id] == "authoritative"


def test_an_invalidated_attempt_takes_all_that_rests_on_it_along(bench) -> None:
    first = bench.pass_("A")
    second = bench.pass_("B")
    bench.staging.archive.invalidate(first.execution_id, "the verifier was broken")
    reason = f"its upstream attempt {first.execution_id} was invalidated: the verifier was broken"
    assert standing(bench)[second.execution_id] == f"unsound: {reason}"
    committed = bench.pass_("C")
    assert committed.judgement.blockers == ("M9C-B2",)
    assert reason in committed.judgement.findings[0].detail
    bench.pass_("A")
    bench.pass_("B")
    assert bench.pass_("C").judgement.overall_pass


def test_a_blocked_attempt_stays_sound_when_what_blocked_it_is_invalidated(bench) -> None:
    first = bench.commit(bench.open("A"))
    second = bench.pass_("B")
    bench.staging.archive.invalidate(first.execution_id, "the verifier was broken")
    assert standing(bench)[second.execution_id] == "authoritative"


@pytest.mark.parametrize(
    ("successor", "message"),
    [("itself", "does not supersede itself"), ("B", "of another gate"), ("void", "is invalidated itself: old")],
)
def test_a_successor_must_be_another_valid_attempt_of_the_gate(bench, successor, message) -> None:
    first, other, void = bench.pass_("A"), bench.pass_("B"), bench.pass_("A")
    bench.staging.archive.invalidate(void.execution_id, "old")
    name = {"itself": first, "B": other, "void": void}[successor].execution_id
    with pytest.raises(EvidenceError, match=message):
        bench.staging.archive.invalidate(first.execution_id, "wrong", name)
    assert standing(bench)[first.execution_id] == "authoritative"


def test_a_reason_stays_one_line_and_commands_no_terminal(bench) -> None:
    name = bench.pass_("A").execution_id
    marker = bench.staging.archive.invalidate(name, "a\x1b[31m\nsuperseded_by: x\u2028y \ud800 | [/b]")
    assert marker.read_text().splitlines()[0] == "reason: a[31m superseded_by: x y \\ud800 | [/b]"
    assert len(marker.read_text().splitlines()) == 2


def test_invalidating_twice_is_refused(bench) -> None:
    committed = bench.pass_("A")
    bench.staging.archive.invalidate(committed.execution_id, "once")
    with pytest.raises(EvidenceError, match="already: once"):
        bench.staging.archive.invalidate(committed.execution_id, "twice")


@pytest.mark.parametrize("change", ["delete", "add", "symlink", "folder", "rename"])
def test_a_file_too_few_too_many_or_of_another_kind_is_found(bench, change) -> None:
    folder = bench.pass_("A").path
    artifact = folder / "m9a_one.json"
    if change == "delete":
        artifact.unlink()
    elif change == "add":
        (folder / "extra.json").write_text("{}")
    elif change == "symlink":
        target = folder.parent / "elsewhere.json"
        artifact.rename(target)
        artifact.symlink_to(target)
    elif change == "folder":
        artifact.unlink()
        artifact.mkdir()
    else:
        folder = folder.rename(folder.with_name("m9a_20260224T050000Z"))
    assert verified(folder, "m9a_execution_summary.json", bench.schemas).problems


def test_attempts_that_are_committed_at_once_on_a_fresh_root_make_one_chain(bench) -> None:
    """One begins it, and no two follow the same one, in whatever order they come."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        stagings = [bench.make_staging(session=f"session{number}") for number in range(8)]
        opened = [staging.open(bench.catalogue.gates["M9.A"]) for staging in stagings]
        for attempt in opened:
            bench.opened.append(attempt)
        done = list(pool.map(bench.commit, opened))
    named = [previous(committed.path) for committed in done]
    assert sorted(len(item) for item in named) == [0, *[1] * 7]
    assert len({item[0].execution_id for item in named if item}) == 7


def test_a_pack_that_was_handed_over_counts_where_the_catalogue_names_its_digest(bench, tmp_path) -> None:
    """A newer one, or one that was edited and hashed anew, is not believed, and is named."""

    def summary(name: str, **more: Any) -> bytes:
        facts = {"phase_execution_id": name, "overall_pass": True, "substrate": "embedded", "artifacts": [], **more}
        return sealed({**facts, "zz": None}, name="summary")

    def handed_over(name: str, data: bytes) -> Path:
        folder = bench.root / "demo/m8" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "m8_summary.json").write_bytes(data)
        return folder

    name, newer = "m8j_20260101T000000Z", "m8j_20260201T000000Z"
    good = summary(name)
    external = {"id": "M8.J", "title": "t", "execution_id": name, "summary": "m8_summary.json", "sha256": sha256(good)}
    text = json.dumps({**document(), "external": [external]}).replace(
        '"upstream": []', '"upstream": [{"gate": "M8.J"}]'
    )
    bench.catalogue, problems = parse([("m9.yaml", text)])
    assert bench.catalogue is not None, problems
    bench.staging = bench.make_staging()
    assert not bench.staging.upstream("M8.J").green
    folder = handed_over(name, good)
    handed_over(newer, summary(newer))
    assert bench.staging.upstream("M8.J").execution_id == name
    assert bench.staging.upstream("M8.J").green
    named = bench.staging.archive.history.pack(bench.root / "demo/m8" / newer).problems
    assert [problem.fact for problem in named] == [f"it is not the pack that the catalogue names, which is {name}"]
    handed_over(name, summary(name, verdict="another"))
    assert "the catalogue names" in bench.staging.upstream("M8.J").why
    shutil.rmtree(folder)
    assert not bench.staging.upstream("M8.J").green
    source = tmp_path / name
    source.mkdir()
    (source / "m8_summary.json").write_bytes(summary(name, verdict="another"))
    with pytest.raises(EvidenceError, match="the catalogue names"):
        bench.staging.archive.install_pack(source)
    (source / "m8_summary.json").write_bytes(good)
    bench.staging.archive.install_pack(source)
    assert bench.pass_("A").judgement.overall_pass
