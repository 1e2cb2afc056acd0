"""The 19 probes of M4.E: each surface of an active lane is in good state, and carries the run that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from infra.probes.forms import secret_flaw, text_flaw
from infra.probes.ingress import Ingress, json_object, require_status
from infra.probes.model import ErrorClass, Group, Look, Probe, ProbeFailure
from infra.probes.orchestrator import Execution
from infra.probes.run_scope import INGRESS_LANE, ORCHESTRATOR_LANE, Correlation, RunIdentity
from infra.probes.surfaces import (
    api_there,
    cluster_active,
    eks_active,
    function_active,
    log_group_there,
    machine_active,
    parameter,
    role_there,
    table_active,
)

SERVICES_LANE: Final = "differentiating_services"
_HEALTH: Final = Group.LANE_HEALTH
_WELL: Final = "ok"
"""What the ingress says of itself where it is well, by the contract of its health route."""


def _health(look: Look) -> str:
    answer = Ingress(look.clients, look.handles, look.secret).health()
    require_status(answer, HTTPStatus.OK)
    said = json_object(answer).get("status")
    if said != _WELL:
        raise ProbeFailure(ErrorClass.BAD_STATE, f"200, and its status is {said!r}, not {_WELL!r}")
    return f"200, status {said}"


LANE_PROBES: Final[tuple[Probe, ...]] = (
    Probe(1, "stream_engine", "kafka describe-cluster-v2", "MSK_CLUSTER_ARN", _HEALTH, cluster_active),
    Probe(2, "stream_engine", "ssm get-parameter", "SSM_MSK_BOOTSTRAP_BROKERS_PATH", _HEALTH, parameter(text_flaw)),
    Probe(3, "stream_engine", "iam get-role", "ROLE_FLINK_EXECUTION", _HEALTH, role_there),
    Probe(4, INGRESS_LANE, "apigatewayv2 get-api", "APIGW_IG_API_ID", _HEALTH, api_there),
    Probe(5, INGRESS_LANE, "lambda get-function", "LAMBDA_IG_HANDLER_NAME", _HEALTH, function_active),
    Probe(6, INGRESS_LANE, "dynamodb describe-table", "DDB_IG_IDEMPOTENCY_TABLE", _HEALTH, table_active),
    Probe(7, INGRESS_LANE, "ssm get-parameter", "SSM_IG_API_KEY_PATH", _HEALTH, parameter(secret_flaw, secret=True)),
    Probe(
        8,
        INGRESS_LANE,
        "GET",
        "IG_BASE_URL",
        Group.INGRESS_HEALTH,
        _health,
        also=("IG_HEALTHCHECK_PATH", "SSM_IG_API_KEY_PATH"),
    ),
    Probe(10, SERVICES_LANE, "eks describe-cluster", "EKS_CLUSTER_ARN", _HEALTH, eks_active),
    *(
        Probe(number, SERVICES_LANE, "iam get-role", f"ROLE_EKS_IRSA_{name}", _HEALTH, role_there)
        for number, name in enumerate(("IG", "RTDL", "DECISION_LANE", "CASE_LABELS", "OBS_GOV"), start=11)
    ),
    Probe(
        16,
        ORCHESTRATOR_LANE,
        "stepfunctions describe-state-machine",
        "SFN_PLATFORM_RUN_ORCHESTRATOR_V0",
        _HEALTH,
        machine_active,
    ),
    Probe(
        19,
        "observability_runtime",
        "logs describe-log-groups",
        "CLOUDWATCH_LOG_GROUP_PREFIX",
        _HEALTH,
        log_group_there,
    ),
)
"""The probes of health, by lane; the numbers that are missing are those of the run scope."""


@dataclass
class BindingProbes:
    """The probes of the run scope, and what they observed.

    Attributes:
        identity: The run that surfaces must carry; None where no handoff names one.
        label: Tells this attempt's probes apart from every other's.
        admitted: What the ingress answered; empty until it did.
    """

    identity: RunIdentity | None
    label: str
    admitted: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given: Mapping[str, str] = {}
        if self.identity is not None:
            correlation = self.correlation(ORCHESTRATOR_LANE)
            given = {**correlation.fields, self.identity.env_key: self.identity.env_value}
        self.execution = Execution(self.label, given)

    def correlation(self, lane: str) -> Correlation:
        """What the probe of a lane carries."""
        return Correlation.of(self._run(), label=self.label, lane=lane)

    def ingest_probe(self) -> Probe:
        """Pushes an event that carries the run."""
        return Probe(
            9,
            INGRESS_LANE,
            "POST",
            "IG_BASE_URL",
            Group.INGRESS_BINDING,
            self._ingest,
            also=("IG_INGEST_PATH", "SSM_IG_API_KEY_PATH"),
        )

    def orchestrator_probes(self) -> tuple[Probe, Probe]:
        """Starts an execution that carries the run; reads it back. In this order, one behind the other."""
        target, group = "SFN_PLATFORM_RUN_ORCHESTRATOR_V0", Group.ORCHESTRATOR_BINDING
        return (
            Probe(17, ORCHESTRATOR_LANE, "stepfunctions start-execution", target, group, self._start),
            Probe(18, ORCHESTRATOR_LANE, "stepfunctions describe-execution", target, group, self.execution.read_back),
        )

    def _ingest(self, look: Look) -> str:
        identity = self._run()
        correlation = self.correlation(INGRESS_LANE)
        answer = Ingress(look.clients, look.handles, look.secret).ingest(
            correlation.event(identity), correlation.headers
        )
        require_status(answer, HTTPStatus.ACCEPTED)
        self.admitted = json_object(answer)
        if self.admitted.get("admitted") is not True:
            raise ProbeFailure(ErrorClass.BAD_STATE, "202, and the answer does not say that the event was admitted")
        echo = self.admitted.get("correlation_echo")
        carried = echo.get("platform_run_id") if isinstance(echo, dict) else None
        if isinstance(echo, dict) and carried != identity.platform_run_id:
            raise ProbeFailure(ErrorClass.BAD_STATE, f"202, and the answer carries the run {carried!r}")
        # A handler without an echo admits what the body carries; that it keeps it is for the correlation gate.
        return "202, platform_run_id echoed" if carried else "202, platform_run_id carried by the admitted body"

    def _start(self, look: Look) -> str:
        self._run()
        return self.execution.start(look)

    def _run(self) -> RunIdentity:
        if self.identity is None:
            raise ProbeFailure(ErrorClass.NOT_FOUND, "no handoff names the run that the surface must carry")
        return self.identity
