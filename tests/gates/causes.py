"""What raises each blocker code of M4: one cause a code, and what a cause brings along by law.

A cause breaks one thing of a rehearsal: the registry, the evidence of an earlier gate, a surface as the probes found
it, what the gate itself wrote, or the store. Where only a defect or a hand can be the cause, the cause is one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fixtures.closure import HandleClosure
from fixtures.lanes import LaneManifest
from infra.lanes.findings import check_manifest
from infra.lanes.manifest import Manifest
from infra.probes import ErrorClass, ProbeResult, ProbeStatus
from phasegate.api import Rollup
from tests.gates.rehearsal import OPERATE, Rehearsal
from verifiers.m4.d_dependencies.checks import ProbeRun
from verifiers.m4.e_health.checks import RuntimeProbes
from verifiers.m4.f_correlation.checks import CorrelationProbes
from verifiers.m4.j_closure.checks import Closing

Cause = Callable[[Rehearsal], None]

MANIFEST = "m4b_runtime_path_manifest.json"
VERDICT, REGISTER = "m4i_phase_verdict.json", "m4i_blocker_register.json"


def both(first: Cause, second: Cause) -> Cause:
    """One cause needs another to be one."""

    def change(rehearsal: Rehearsal) -> None:
        first(rehearsal)
        second(rehearsal)

    return change


def edited(**handles: str | None) -> Cause:
    """The registry says something else."""
    return lambda rehearsal: rehearsal.edit(**handles)


def held(gate: str, *codes: str) -> Cause:
    """An earlier gate was blocked."""
    return lambda rehearsal: rehearsal.hold(gate, *codes)


def lost(gate: str) -> Cause:
    """The evidence of an earlier gate is gone."""
    return lambda rehearsal: rehearsal.lose(gate)


def rewritten(gate: str, file: str, change: Callable[[Any], None]) -> Cause:
    """An earlier gate wrote something else."""
    return lambda rehearsal: rehearsal.rewrite(gate, file, change)


def given(name: str, made: Callable[[Any], Any]) -> Cause:
    """A fixture is what it would be, changed."""
    return lambda rehearsal: rehearsal.wrap(name, made)


def refused(rehearsal: Rehearsal) -> None:
    """The store of evidence refuses to be written."""
    rehearsal.refuses = True


def leaked(handle: str) -> Cause:
    """The value of a handle, which the evidence shows, turns out to be a secret."""
    return lambda rehearsal: rehearsal.secrets.append(str(rehearsal.handle(handle)))


def result(found: ProbeResult, status: ProbeStatus, error_class: ErrorClass) -> ProbeResult:
    """A probe's result with another outcome."""
    return replace(found, status=status, error_class=error_class, detail="for the test")


def turned(made: Any, kind: type) -> Any:
    """An object as one of a kind of its class that does something else."""
    made.__class__ = kind
    return made


class LossyClosure(HandleClosure):
    """A closure whose matrix lost a row."""

    def matrix(self) -> list[Any]:
        return super().matrix()[1:]


def manifest(change: Callable[[list[dict[str, Any]]], None]) -> Cause:
    """The manifest's rows are others than those that follow from the registry."""

    def made(right: LaneManifest) -> LaneManifest:
        payload = copy.deepcopy(right.payload)
        change(payload["lanes"])
        return LaneManifest(Manifest(payload, check_manifest(payload)))

    return given("lane_manifest", made)


def uncategorised(group: str) -> Cause:
    """The probes of a group broke in a way that nobody foresaw."""

    def made(right: ProbeRun) -> ProbeRun:
        broken = (result(found, ProbeStatus.ERROR, ErrorClass.UNCATEGORISED) for found in right._results)
        kept = zip(right._results, broken, strict=True)
        return ProbeRun(tuple(bad if found.probe.group == group else found for found, bad in kept))

    return given("m4d_probes", made)


def unstable(right: RuntimeProbes) -> RuntimeProbes:
    """A surface of a lane is there, and in no good state."""
    first, *others = right.health
    vars(right)["health"] = (result(first, ProbeStatus.FAIL, ErrorClass.BAD_STATE), *others)
    return right


def boundary(name: str) -> Cause:
    """Correlation is lost at a boundary, and what tells of telemetry is there."""

    def made(right: CorrelationProbes) -> CorrelationProbes:
        _ = right.telemetry
        vars(right)[name] = result(getattr(right, name), ProbeStatus.FAIL, ErrorClass.BAD_STATE)
        return right

    return given("correlation_probes", made)


class ForgetfulRegister(Rollup):
    """A roll-up whose register loses a code."""

    def register(self, kind: type[Any]) -> Any:
        made = super().register(kind)
        return made.model_copy(update={"resolved": made.resolved[1:]})


class RashVerdict(Rollup):
    """A roll-up that advances whatever is open."""

    def word(self) -> str:
        return self.gate.advance


def rolled_up_by(kind: type[Rollup]) -> Cause:
    """The roll-up is made by another."""
    return given("rollup", lambda right: lambda: turned(right(), kind))


def unrepeatable(right: Callable[[], Rollup]) -> Callable[[], Rollup]:
    """Each build of the roll-up is of a gate less than the one before, once the matrix is written."""
    builds = iter((0, 0, 0, 0, 0, 0, 1))

    def build() -> Rollup:
        made = right()
        made.evidence = made.evidence[next(builds) :]
        return made

    return build


class LossySummary(Closing):
    """A closure whose summary lost a gate of the chain."""

    def summary(self) -> dict[str, Any]:
        made = super().summary()
        return {**made, "upstream": made["upstream"][1:]}


class LyingHandoff(Closing):
    """A closure whose handoff lets nobody in, though the phase advances."""

    def handoff(self) -> dict[str, Any]:
        return {**super().handoff(), "m5_entry_ready": False}


def closed_by(kind: type[Closing]) -> Cause:
    """The closure is made by another."""
    return given("closing", lambda right: turned(right, kind))


def drilled(**seen: Any) -> Cause:
    """The drill saw something else."""

    def change(rehearsal: Rehearsal) -> None:
        journal = rehearsal.given["ingress_drill"].journal
        for name, value in seen.items():
            setattr(journal, name, {**getattr(journal, name), **value} if isinstance(value, dict) else value)

    return change


def begun_anew(cause: Cause) -> Cause:
    """The drill is not one that was run, but what comes of the cause."""

    def change(rehearsal: Rehearsal) -> None:
        del rehearsal.given["ingress_drill"]
        cause(rehearsal)

    return change


def other_object(name: str) -> Cause:
    """What lies in the evidence bucket under a name is of somebody else."""

    def change(rehearsal: Rehearsal) -> None:
        (place,) = (uri for uri in rehearsal.durable if uri.endswith(f"/operate/{name}"))
        rehearsal.durable[place] = b'{"phase_execution_id": "somebody else"}'

    return change


def other_source(rehearsal: Rehearsal) -> None:
    """The durable copy of a source is another than the chain names."""
    (place,) = (uri for uri in rehearsal.durable if uri.endswith("/m4g_runtime_drill_snapshot.json"))
    rehearsal.durable[place] += b" "


def first_lane(**changes: Any) -> Callable[[Any], None]:
    """Other values in the first lane of a manifest or of its rows."""
    return lambda found: (found["lanes"] if isinstance(found, dict) else found)[0].update(changes)


CAUSES: Mapping[str, Cause] = {
    "M4A-B1": lambda rehearsal: rehearsal.forget("RUNTIME_DEFAULT_STREAM_ENGINE"),
    "M4A-B2": edited(FLINK_RUNTIME_MODE='"TO_PIN"'),
    "M4A-B3": edited(PHASE_RUNTIME_PATH_PIN_REQUIRED='"true"'),
    "M4A-B4": lost("M3.J"),
    "M4A-B5": given("closure", lambda right: turned(right, LossyClosure)),
    "M4A-B6": refused,
    "M4B-B1": held("M4.A", "M4A-B2"),
    "M4B-B2": edited(K8S_DEPLOY_IG=None),
    "M4B-B3": edited(RUNTIME_DEFAULT_STREAM_ENGINE='"kinesis"'),
    "M4B-B4": manifest(first_lane(active_path="another")),
    "M4B-B5": manifest(first_lane(eks_active=True)),
    "M4B-B6": manifest(first_lane(inactive=[])),
    "M4B-B7": refused,
    "M4C-B1": lost("M4.B"),
    "M4C-B2": edited(ROLE_EKS_IRSA_RTDL=None),
    "M4C-B3": edited(ROLE_APIGW_IG_INVOKE='"arn:aws:iam::000000000000:role/nobody"'),
    "M4C-B4": edited(SSM_REDIS_ENDPOINT_PATH='"/elsewhere"'),
    "M4C-B5": edited(SECRETS_PLAINTEXT_OUTPUT_ALLOWED="true"),
    "M4C-B6": rewritten("M4.B", MANIFEST, first_lane(active_path="another")),
    "M4C-B7": refused,
    "M4D-B1": held("M4.C", "M4C-B3"),
    "M4D-B2": rewritten("M4.B", MANIFEST, first_lane(active_path="another")),
    "M4D-B3": edited(APIGW_IG_API_ID='"exampleap1"'),
    "M4D-B4": edited(SSM_REDIS_ENDPOINT_PATH='"/elsewhere"'),
    "M4D-B5": edited(CLOUDWATCH_LOG_GROUP_PREFIX='"/elsewhere"'),
    "M4D-B6": uncategorised("stream_edge_storage"),
    "M4D-B7": refused,
    "M4D-B8": leaked("MSK_CLUSTER_ARN"),
    "M4E-B1": held("M4.D", "M4D-B3"),
    "M4E-B2": edited(IG_HEALTHCHECK_PATH='"/nowhere"'),
    "M4E-B3": edited(KAFKA_PARTITION_KEY_CONTROL='"event_id"'),
    "M4E-B4": given("runtime_probes", unstable),
    "M4E-B5": refused,
    "M4E-B6": leaked("MSK_CLUSTER_ARN"),
    "M4F-B1": lost("M4.E"),
    "M4F-B2": edited(CORRELATION_MODE=None),
    "M4F-B3": boundary("ingress"),
    "M4F-B4": boundary("orchestrator"),
    "M4F-B5": edited(OTEL_ENABLED="false"),
    "M4F-B6": refused,
    "M4F-B7": leaked("LAMBDA_IG_HANDLER_NAME"),
    "M4G-B1": begun_anew(held("M4.F", "M4F-B5")),
    "M4G-B2": begun_anew(edited(IG_INGEST_PATH=None)),
    "M4G-B3": drilled(failure_shown=False),
    "M4G-B4": drilled(steady_after={"health": 503}),
    "M4G-B5": drilled(restored=False),
    "M4G-B6": drilled(steady_after={"correlation": "lost: trace_id"}),
    "M4G-B7": refused,
    "M4G-B8": lambda rehearsal: rehearsal.secrets.append("platform_20260223T184232Z"),
    "M4H-B1": held("M4.G", "M4G-B3"),
    "M4H-B2": rewritten(
        "M4.F", "m4f_correlation_audit_snapshot.json", lambda found: found["rows"][0].update({"pass": False})
    ),
    "M4H-B3": other_source,
    "M4H-B4": edited(P2_RUNTIME_READINESS_PATH_PATTERN=None),
    "M4H-B5": refused,
    "M4H-B6": lambda rehearsal: rehearsal.secrets.append(f"s3://memory/{OPERATE}/runtime_lanes_ready.json"),
    "M4I-B1": lost("M4.D"),
    "M4I-B2": held("M4.F", "M4F-B5"),
    "M4I-B3": held("M4.F", "M4F-B99"),
    "M4I-B4": rewritten("M4.C", "m4c_execution_summary.json", lambda found: found.update(blocker_count=3)),
    "M4I-B5": rolled_up_by(ForgetfulRegister),
    "M4I-B6": given("rollup", unrepeatable),
    "M4I-B7": refused,
    "M4I-B8": both(held("M4.F", "M4F-B5"), rolled_up_by(RashVerdict)),
    "M4J-B1": rewritten("M4.I", VERDICT, lambda found: found.update(verdict="PERHAPS")),
    "M4J-B2": held("M4.F", "M4F-B5"),
    "M4J-B3": rewritten(
        "M4.I", REGISTER, lambda found: found.update(unresolved=[dict(found["resolved"][0], status="open")])
    ),
    "M4J-B4": other_object("runtime_lanes_ready.json"),
    "M4J-B5": closed_by(LossySummary),
    "M4J-B6": edited(M5_HANDOFF_PACK_PATH_PATTERN=None),
    "M4J-B7": refused,
    "M4J-B8": closed_by(LyingHandoff),
}
"""The cause of each code, proven to raise it and nothing else but what `ENTAILED` has."""

ENTAILED: Mapping[str, frozenset[str]] = {
    "M4C-B2": frozenset({"M4C-B6"}),  # a map with a role that is open is incomplete
    "M4E-B4": frozenset({"M4E-B2"}),  # a surface in no good state is not healthy
    "M4G-B1": frozenset({"M4G-B2", "M4G-B3", "M4G-B4", "M4G-B5"}),  # what is not begun shows nothing
    "M4G-B2": frozenset({"M4G-B3", "M4G-B4", "M4G-B5"}),
    "M4G-B5": frozenset({"M4G-B4"}),  # a control that does not read as before was not set back
    "M4H-B1": frozenset({"M4H-B2", "M4H-B4"}),  # a gate that is held is no source, and without sources nothing is made
    "M4H-B2": frozenset({"M4H-B4"}),  # what cannot be assembled cannot be published
    "M4I-B3": frozenset({"M4I-B2"}),  # only a gate that is held has open codes
    "M4I-B8": frozenset({"M4I-B2"}),
}
"""What a cause raises besides its own code, because one fact is the other's consequence."""
