"""The failure drill of the ingress: declared as data, run once for an attempt, judged by its journal."""

from __future__ import annotations

from typing import Any

from fixtures.run_scope import RunScope
from infra.drills import Drill
from infra.drills.control import shown
from infra.drills.model import ProbeKind
from infra.drills.runner import Journal, lost
from infra.probes.correlation import admit
from infra.probes.ingress import Ingress
from infra.probes.run_scope import INGRESS_LANE, Correlation


class IngressDrill:
    """The drill of one attempt.

    Attributes:
        drill: What is declared.
        journal: What was done and seen.
        flaws: Handles that are open, and what else keeps the drill from being run.
    """

    def __init__(self, drill: Drill, journal: Journal, flaws: tuple[str, ...]) -> None:
        self.drill = drill
        self.journal = journal
        self.flaws = flaws

    @property
    def injected(self) -> bool:
        """Whether the fault was in force."""
        return self.journal.injected is not None

    @property
    def parity(self) -> bool:
        """Whether the control reads as it did before; a control that was never turned still has to be read."""
        journal = self.journal
        return journal.restored if journal.restored is not None else journal.prestate_read

    def after(self, name: str) -> int | str | None:
        """What a probe of the steady state saw after the drill; None where it was not made."""
        return self.journal.steady_after.get(name)

    def holds_after(self, name: str) -> bool:
        """Whether a probe of the steady state held after the drill."""
        step = next(step for step in self.drill.steady_state if step.name == name)
        return self.after(name) in step.tolerance

    @property
    def why(self) -> str:
        """Why something was not shown."""
        return "; ".join(self.flaws) or self.journal.reason or "it was not shown"

    def facts(self) -> dict[str, Any]:
        """The figures of the drill."""
        journal = self.journal
        poststate = journal.prestate if journal.restored is None else journal.poststate
        return {
            "drill_lane": self.drill.lane,
            "prestate_reserved_concurrency": shown(journal.prestate) if journal.prestate_read else None,
            "injected_reserved_concurrency": journal.injected,
            "failure_http_status": journal.failure_status,
            "recovery_action": journal.recovery_action,
            "poststate_reserved_concurrency": shown(poststate) if journal.prestate_read else None,
            "rollback_parity": self.parity,
            "post_health_status": self.after("health"),
            "post_ingest_status": self.after("ingest"),
        }


class Surface:
    """Makes the drill's probes; health and ingress are looked at as any producer sees them."""

    def __init__(self, ingress: Ingress, scope: RunScope, function: str, label: str) -> None:
        self._ingress = ingress
        self._scope = scope
        self._function = function
        self._label = label

    def look(self, kind: ProbeKind, label: str) -> int | str:
        """What a probe of a kind sees: a status, or what became of the correlation that it sent."""
        if kind == "ingress_health":
            return self._ingress.health().status
        identity = self._scope.identity
        if identity is None:
            return lost(["no handoff names the run"])
        sent = Correlation.of(identity, label=f"{self._label}-{label}", lane=INGRESS_LANE)
        if kind == "ingress_ingest":
            return self._ingress.ingest(sent.event(identity), sent.headers).status
        admission = admit(self._ingress, identity, sent, self._function)
        return "carried" if not admission.flaws else lost(admission.flaws)
