"""Further causes of the codes of M4, so that each verifier that may raise a code, and each of its checks, is proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from infra.probes import ErrorClass, ProbeStatus
from infra.probes.boundary_log import LogLines
from phasegate.api import Rollup
from tests.gates.causes import (
    CAUSES,
    MANIFEST,
    REGISTER,
    Cause,
    closed_by,
    drilled,
    edited,
    given,
    held,
    leaked,
    result,
    rewritten,
    rolled_up_by,
    uncategorised,
)
from tests.gates.rehearsal import Rehearsal
from verifiers.m4.e_health.checks import RuntimeProbes
from verifiers.m4.f_correlation.checks import CorrelationProbes
from verifiers.m4.j_closure.checks import Closing

SECRET = "a-value-that-is-a-secret-of-the-test"


@dataclass(frozen=True)
class Further:
    """A cause of a code at one verifier.

    Attributes:
        verifier: The verifier that has to see it.
        code: What it raises.
        cause: The cause.
        entailed: What else the gate raises, because one fact is the other's consequence.
    """

    verifier: str
    code: str
    cause: Cause
    entailed: frozenset[str] = frozenset()


def another_lane(manifest: Any) -> None:
    """The manifest has a lane that the platform does not know."""
    manifest["lanes"].append({**manifest["lanes"][0], "lane": "a_new_lane"})


def no_lane(manifest: Any) -> None:
    """No lane of the manifest is active."""
    for lane in manifest["lanes"]:
        lane.update(active_path=None)


def failing_orchestrator(right: RuntimeProbes) -> RuntimeProbes:
    """The orchestrator's execution does not end well."""
    *others, last = right.binding
    vars(right)["binding"] = (*others, result(last, ProbeStatus.FAIL, ErrorClass.BAD_STATE))
    return right


def misfit(right: RuntimeProbes) -> RuntimeProbes:
    """A row of the evidence does not fit its schema."""
    first, *others = right.health
    vars(right)["health"] = (replace(first, detail=7), *others)
    return right


def talkative(right: CorrelationProbes) -> CorrelationProbes:
    """The handler's log holds a secret that a probe read."""
    seen = (right.ingress, right._seen)[1]
    assert seen.log is not None
    seen.log = LogLines(seen.log.group, (*seen.log.lines, f"incoming {SECRET}"), seen.log.record)
    seen.secrets[("a secret", SECRET)] = None
    return right


def forgetful(right: CorrelationProbes) -> CorrelationProbes:
    """The audit rows lose a field of what was sent."""
    _ = (right.ingress, right.orchestrator, right.telemetry)
    for lane, sent in right._sent.items():
        fields = {name: value for name, value in sent.fields.items() if name != "trace_id"}
        right._sent[lane] = replace(sent, fields=fields)
    return right


class LossyMatrix(Rollup):
    """A roll-up whose matrix has a gate's blockers wrong."""

    def matrix(self, kind: type[Any]) -> Any:
        made = super().matrix(kind)
        return made.model_copy(
            update={"rows": (made.rows[0].model_copy(update={"blockers": ("M4A-B1",)}), *made.rows[1:])}
        )


class OtherDigest(Rollup):
    """A roll-up whose verdict has the digest of something else, the same at each build."""

    def _digest(self, body: Any) -> str:
        del body
        return "0" * 64


class FailingSummary(Closing):
    """A closure whose summary advances and does not pass."""

    def summary(self) -> dict[str, Any]:
        return {**super().summary(), "overall_pass": False}


class WrongReference(Closing):
    """A closure whose handoff has the digest of something else."""

    def handoff(self) -> dict[str, Any]:
        made = super().handoff()
        made["references"]["m4i_register"]["sha256"] = "0" * 64
        return made


def without(name: str) -> Callable[[Any], None]:
    """Takes a member away."""
    return lambda found: found.pop(name)


def unhealthy(found: Any) -> None:
    """A lane was not healthy, though its gate passed."""
    found["lanes"][0]["healthy"] = False


def of_another_run(found: Any) -> None:
    """An object is of another run than the handoff."""
    found["platform_run_id"] = "platform_20200101T000000Z"


def without_artifact(gate: str, file: str) -> Cause:
    """An earlier gate passed, and did not leave an artifact."""

    def change(summary: Any) -> None:
        summary["artifacts"] = [row for row in summary["artifacts"] if row["file"] != file]

    return rewritten(gate, f"{gate.replace('.', '').lower()}_execution_summary.json", change)


def contradicting(summary: Any) -> None:
    """A summary lists a blocker and says that it passed."""
    summary.update(blockers=["M4C-B2"], blocker_count=1)


def gone_object(rehearsal: Rehearsal) -> None:
    """An object of the readiness is not where its handle says."""
    (place,) = (uri for uri in rehearsal.durable if uri.endswith("/operate/runtime_binding_matrix.json"))
    del rehearsal.durable[place]


H_NOTHING = frozenset({"M4H-B4"})
FURTHER = (
    Further("M4D-V4", "M4D-B6", uncategorised("datastore")),
    Further("M4D-V5", "M4D-B6", uncategorised("observability")),
    Further(
        "M4E-V1",
        "M4E-B1",
        rewritten("M3.F", "m4_handoff_pack.json", without("platform_run_id")),
        frozenset({"M4E-B3"}),
    ),
    Further("M4E-V2", "M4E-B2", edited(ROLE_EKS_IRSA_RTDL='"arn:aws:iam::000000000000:role/nobody"')),
    Further("M4E-V2", "M4E-B2", rewritten("M4.B", MANIFEST, another_lane), frozenset({"M4E-B5"})),
    Further("M4E-V5", "M4E-B3", given("runtime_probes", failing_orchestrator)),
    Further("M4E-V7", "M4E-B5", given("runtime_probes", misfit)),
    Further("M4F-V5", "M4F-B5", rewritten("M4.B", MANIFEST, another_lane)),
    Further("M4F-V5", "M4F-B5", rewritten("M4.B", MANIFEST, no_lane)),
    Further("M4F-V6", "M4F-B6", given("correlation_probes", forgetful)),
    Further("M4F-V6", "M4F-B7", given("correlation_probes", talkative)),
    Further("M4F-V6", "M4F-B7", leaked("LAMBDA_IG_HANDLER_NAME")),
    Further("M4G-V3", "M4G-B3", drilled(injected=None)),
    Further("M4G-V5", "M4G-B4", drilled(restored=False), frozenset({"M4G-B5"})),
    Further("M4H-V1", "M4H-B1", held("M4.F", "M4F-B5"), frozenset({"M4H-B2", "M4H-B4"})),
    Further("M4H-V3", "M4H-B2", CAUSES["M4H-B2"], H_NOTHING),
    Further("M4H-V3", "M4H-B2", rewritten("M4.E", "m4e_lane_health_snapshot.json", unhealthy), H_NOTHING),
    Further("M4H-V3", "M4H-B2", rewritten("M3.F", "m4_handoff_pack.json", without("platform_run_id")), H_NOTHING),
    Further("M4H-V3", "M4H-B2", without_artifact("M4.C", "m4c_role_binding_matrix.json"), H_NOTHING),
    Further("M4H-V5", "M4H-B6", leaked("APIGW_IG_API_ID"), H_NOTHING),
    Further("M4I-V2", "M4I-B2", lambda rehearsal: rehearsal.outdate("M4.F")),
    Further("M4I-V4", "M4I-B4", rolled_up_by(LossyMatrix)),
    Further(
        "M4I-V4", "M4I-B4", rewritten("M4.C", "m4c_execution_summary.json", lambda found: found.update(gate="M4.B"))
    ),
    Further("M4I-V4", "M4I-B4", rewritten("M4.C", "m4c_execution_summary.json", contradicting), frozenset({"M4I-B5"})),
    Further("M4I-V6", "M4I-B6", rolled_up_by(OtherDigest)),
    Further("M4J-V2", "M4J-B3", rewritten("M4.I", REGISTER, without("unresolved"))),
    Further("M4J-V3", "M4J-B4", rewritten("M4.H", "runtime_lanes_ready.json", of_another_run)),
    Further("M4J-V3", "M4J-B4", gone_object),
    Further("M4J-V3", "M4J-B4", without_artifact("M4.H", "runtime_lanes_ready.json"), frozenset({"M4J-B6"})),
    Further("M4J-V4", "M4J-B5", closed_by(FailingSummary)),
    Further("M4J-V5", "M4J-B6", closed_by(WrongReference)),
)
