"""Any attempt commits to a pack that verifies, the same facts give the same bytes, and any changed byte is found."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phasegate.attempts import Provenance
from phasegate.attempts.history import History
from phasegate.evidence.attestation import ATTESTATION
from phasegate.verdict import Finding, TestRecord, TestState
from tests.phasegate.attempts.signing import verified

SUMMARY = "m9a_execution_summary.json"
text = st.text(max_size=12)
json_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
payloads = st.recursive(
    scalars | json_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_text, inner, max_size=3),
    max_leaves=8,
)
codes = st.sampled_from([*(f"M9A-B{number}" for number in range(1, 6)), "M9B-B1", "nonsense"])
records = st.builds(
    TestRecord,
    nodeid=text,
    state=st.sampled_from(TestState),
    findings=st.lists(st.tuples(codes, text), max_size=2).map(tuple),
    detail=text,
)
facts = st.fixed_dictionaries(
    {
        "records": st.lists(records, max_size=4),
        "metrics": st.dictionaries(json_text, payloads, max_size=3),
        "artifacts": st.dictionaries(st.sampled_from(["m9a_one.json", "m9a_two.json"]), payloads, max_size=2),
        "duties": st.lists(st.builds(Finding, codes, st.just(""), st.just("EVIDENCE"), text), max_size=2),
        "stored": st.booleans(),
    }
)
in_one_place = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def commit(bench, given_facts, root):
    bench.root = root
    staging = bench.make_staging()
    attempt = staging.open(bench.catalogue.gates["M9.A"])
    for record in given_facts["records"]:
        attempt.record("M9A-V1", record)
    for name, value in given_facts["metrics"].items():
        attempt.metric(name, value)
    for name, value in given_facts["artifacts"].items():
        attempt.artifact(name, value)
    services = replace(bench.services, provenance=Provenance({"registry_sha256": "0" * 64}))
    attempt.services = services if given_facts["stored"] else replace(services, store=None)
    committed = attempt.commit(given_facts["duties"])
    staging.archive.refresh_index("M9")
    return committed


@in_one_place
@given(facts)
def test_any_attempt_commits_to_a_pack_that_verifies_and_is_judged_by_what_happened(
    bench, tmp_path, given_facts
) -> None:
    bench.now += timedelta(hours=1)
    root = tmp_path / str(bench.now.timestamp())
    committed = commit(bench, given_facts, root)
    pack = verified(committed.path, SUMMARY, bench.schemas)
    assert pack.problems == ()
    assert pack.summary.overall_pass == committed.judgement.overall_pass
    assert list(pack.summary.blockers) == list(committed.judgement.blockers)
    happened = given_facts["records"]
    clean = (
        given_facts["stored"]
        and not given_facts["duties"]
        and len(given_facts["artifacts"]) == 2
        and all(isinstance(value, dict) for value in given_facts["artifacts"].values())
        and happened != []
        and all(record.state is TestState.PASSED and not record.findings for record in happened)
    )
    assert committed.judgement.overall_pass == clean
    fresh = bench.make_staging()
    (record,) = fresh.archive.attempts("M9")
    complete = pack.summary.complete
    assert record.authoritative == complete
    assert fresh.upstream("M9.A").green == clean
    shutil.rmtree(root)


@in_one_place
@given(facts)
def test_the_same_facts_give_the_same_bytes_but_for_ids_and_versions(bench, tmp_path, given_facts) -> None:
    def packs(seconds: int, name: str) -> dict[str, bytes]:
        bench.now += timedelta(seconds=seconds)
        committed = commit(bench, given_facts, tmp_path / name)
        found = {}
        for path in sorted(committed.path.iterdir()):
            document = json.loads(path.read_bytes().replace(committed.execution_id.encode(), b"ID"))
            if isinstance(document, dict):
                for row in (*document.get("artifacts", ()), *document.get("objects", ())):
                    row["version_id"] = None
                    if row["file"] == "publication_receipt.json":  # it holds the versions
                        row["sha256"] = None
                document.pop("content", None)
                document.pop("generated_at_utc", None)
            if path.name != ATTESTATION:  # it is about the very bytes of the others, and signed
                found[path.name] = document
        shutil.rmtree(tmp_path / name)
        return found

    assert packs(60, "one") == packs(60, "two")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_of_any_file_but_the_signature_is_found_by_the_pack_alone(bench, data) -> None:
    committed = getattr(bench, "kept", None) or bench.pass_("A")
    bench.kept = committed
    files = [path for path in sorted(committed.path.iterdir()) if path.name != ATTESTATION]
    path = data.draw(st.sampled_from(files))
    original = path.read_bytes()
    changed = bytearray(original)
    place = data.draw(st.integers(0, len(original) - 1))
    how = data.draw(st.sampled_from(["flip", "insert", "delete"]))
    if how == "flip":
        changed[place] ^= data.draw(st.integers(1, 255))
    elif how == "insert":
        changed.insert(place, data.draw(st.integers(0, 255)))
    else:
        del changed[place]
    path.write_bytes(changed)
    try:
        problems = verified(committed.path, SUMMARY, bench.schemas).problems
        assert problems or bytes(changed) == original
        assert any(path.name in problem.place for problem in problems) or bytes(changed) == original
        # A process that verified the pack before sees the change too.
        assert not bench.staging.upstream("M9.A").green or bytes(changed) == original
    finally:
        path.write_bytes(original)
    assert verified(committed.path, SUMMARY, bench.schemas).problems == ()


def test_a_thousand_attempts_are_listed_quickly_and_each_is_read_once(bench, monkeypatch) -> None:
    import time  # noqa: PLC0415 - only this test looks at the clock

    committed = bench.pass_("A")
    summary = json.loads((committed.path / SUMMARY).read_bytes())
    for number in range(1_000):
        folder = committed.path.with_name(f"m9a_20260223T{number // 60:02d}{number % 60:02d}00Z")
        folder.mkdir()
        (folder / SUMMARY).write_text(json.dumps(summary | {"phase_execution_id": folder.name}))
    staging = bench.make_staging()
    start = time.perf_counter()
    assert len(staging.archive.attempts("M9")) == 1_001
    first = time.perf_counter() - start
    start = time.perf_counter()
    assert staging.upstream("M9.A").green
    again = time.perf_counter() - start
    assert first < 2  # 0.2 s on an idle machine
    assert again < 0.5
    assert isinstance(staging.archive.history, History)
