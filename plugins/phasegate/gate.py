"""The `gate` fixture's object: verifiers leave metrics and artifacts in it and read what they rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from pydantic import JsonValue

from phasegate.errors import EvidenceError, PhasegateError, Problem
from phasegate.evidence.canonical import canonical, digest_of
from phasegate.evidence.secrets import WHAT_IS_RECORDED
from phasegate.scope import block, note, report

if TYPE_CHECKING:
    from phasegate.attempts import OpenAttempt, Staging, UpstreamEvidence
    from phasegate.catalog.model import Gate
    from phasegate.evidence.artifact import Artifact
    from phasegate.recount import Recount
    from phasegate.rollup import Rollup

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _noted(method: Callable[Concatenate[GateRun, _P], _R]) -> Callable[Concatenate[GateRun, _P], _R]:
    """Notes an error of the framework in the test that runs: it counts where the test swallows it, too."""

    @wraps(method)
    def noting(self: GateRun, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(self, *args, **kwargs)
        except PhasegateError as error:
            note(error)
            raise

    return noting


class GateRun:
    """One attempt of a gate, as its verifiers see it.

    Verifiers get it as the fixture `gate`; all verifiers of a gate share the attempt.
    """

    def __init__(self, attempt: OpenAttempt, staging: Staging) -> None:
        self._attempt = attempt
        self._staging = staging
        self._scanner = attempt.services.scanner

    @property
    def id(self) -> str:
        """The gate's identifier, such as `M4.C`."""
        return self._attempt.gate.id

    @property
    def execution_id(self) -> str:
        """The attempt's execution id, such as `m4c_20260224T051711Z`."""
        return self._attempt.execution_id

    @property
    def handles(self) -> Mapping[str, tuple[str, ...]]:
        """The handles that the catalogue says the gate cannot do without, by family."""
        return self._attempt.gate.handles

    @property
    def over(self) -> tuple[str, ...]:
        """The gates that the catalogue lets it roll up."""
        return self._attempt.gate.over

    @_noted
    def metric(self, name: str, value: JsonValue) -> None:
        """Records a figure or flag of the execution summary; one that holds a secret blocks and is left out."""
        if self._is_clean(WHAT_IS_RECORDED, {name: value}):
            self._attempt.metric(name, value)

    @_noted
    def artifact(
        self, artifact: Artifact | type[Artifact] | str, payload: Mapping[str, Any] | None = None
    ) -> bytes | None:
        """Writes an artifact of the gate's evidence contract.

        The fields that every artifact has (execution id, gate, alias) are added here. One that holds a secret is
        not written, and blocks the attempt with the gate's leak code.

        Args:
            artifact: The artifact; or its model, whose form the payload must have when the pack is checked; or, where
                the project writes its schemas by hand, the file name that the catalogue lists for the gate.
            payload: Beside a model or a name, the content; plain JSON values only.

        Returns:
            Its bytes as they stand in the pack; None where it holds a secret.

        Raises:
            EvidenceError: The contract does not name the artifact, it was written before with other content, its
                payload says something else in a field of the header, or the pack is sealed.
        """
        name = artifact if isinstance(artifact, str) else artifact.file
        body = dict(payload or {}) if isinstance(artifact, str | type) else artifact.payload()
        header: dict[str, JsonValue] = {
            "phase_execution_id": self.execution_id,
            "gate": self.id,
            "alias": self._attempt.gate.alias,
        }
        for field, value in header.items():
            if body.get(field, value) != value:
                fact = f"the payload of {name} gives {field} another value than the attempt's"
                raise EvidenceError(Problem(fact, self.execution_id, f"leave {field} out: phasegate writes it"))
        if not self._is_clean(name, body | header):
            return None
        return self._attempt.artifact(name, body | header)

    @_noted
    def recorded(self, artifact: type[Artifact] | str) -> JsonValue:
        """The parsed content of an artifact of this attempt as it lies in the pack; None where it was not written.

        What a verifier says of its evidence it says of these bytes, which are published, and not of what it meant to
        write.
        """
        return self._attempt.recorded(artifact if isinstance(artifact, str) else artifact.file)

    @_noted
    def uses(self, name: str, value: JsonValue) -> None:
        """Notes that the gate judges by something that may change between gates, such as a handle of a registry.

        The summary names it with the digest of its value, and evidence counts only while the value is the same; the
        hook `pytest_phasegate_inputs` says what it is. Fixtures call this where they read; never for a secret, whose
        digest could be guessed.

        Args:
            name: Kind and name, such as `handle:AWS_REGION`.
            value: What it is; plain JSON.

        Raises:
            EvidenceError: The name is no such text, the value is not JSON, or it is another than before.
        """
        self._attempt.uses(name, digest_of(value))

    @_noted
    def upstream(self, gate_id: str) -> UpstreamEvidence:
        """The authoritative attempt of a gate that this one rests on; never raises for bad evidence."""
        return self._staging.evidence_for(self._attempt.gate, gate_id)

    @_noted
    def require_upstream(self, code: str, *gate_ids: str) -> bool:
        """Raises the blocker for each given gate whose authoritative attempt is not green and unchanged.

        Args:
            code: The blocker to raise.
            gate_ids: Upstream gates; by default all that the catalogue names.

        Returns:
            Whether all are green.
        """
        wanted = gate_ids or tuple(edge.gate for edge in self._attempt.gate.upstream)
        green = True
        for gate_id in wanted:
            evidence = self._staging.evidence_for(self._attempt.gate, gate_id)
            if not evidence.green:
                green = block(code, evidence.why)
        return green

    @_noted
    def require_entry(self, *gate_ids: str) -> bool:
        """Raises the gate's entry codes for each given upstream gate that is absent or not green.

        Args:
            gate_ids: Upstream gates; by default all that the catalogue names.

        Returns:
            Whether all are green.
        """
        codes, gate = self._attempt.gate.codes, self._attempt.gate
        wanted = gate_ids or tuple(edge.gate for edge in gate.upstream)
        found = [self._staging.evidence_for(gate, gate_id) for gate_id in wanted]
        absent_code = codes.entry_absent or codes.entry
        closed = [(absent_code if each.absent else codes.entry, each.why) for each in found if not each.green]
        return report(closed)

    @_noted
    def rollup(self) -> Rollup:
        """The roll-up of the gates that this one is `over`, from evidence that is looked up anew at each call."""
        from phasegate.rollup import Rollup  # noqa: PLC0415 - only a gate that rolls up needs it

        gate, found = self._rolled_up()
        return Rollup(gate, found, self._staging.archive.catalogue)

    @_noted
    def recount(self) -> Recount:
        """What was written of the gate's roll-up is held against the summaries of its sources by this."""
        from phasegate.recount import Recount  # noqa: PLC0415

        gate, found = self._rolled_up()
        return Recount(gate, found, self._staging.archive.catalogue)

    def _rolled_up(self) -> tuple[Gate, list[UpstreamEvidence]]:
        gate = self._attempt.gate
        if not gate.over:
            fact = f"{gate.id} rolls up no gates"
            raise EvidenceError(Problem(fact, self.execution_id, "name them in the catalogue: `over: [...]`"))
        return gate, [self._staging.evidence_for(gate, name) for name in gate.over]

    @_noted
    def protect(self, values: Iterable[tuple[str, str]]) -> None:
        """Registers secret values (pairs of name and value) that no artifact, log or report may hold."""
        for name, value in values:
            self._scanner.register(value, name)

    @_noted
    def check(self) -> bool:
        """Holds the artifacts written so far against contract and schemas, and looks for secrets in them.

        For gates that check in one verifier and publish in another. What the running verifier may raise it raises;
        the rest is raised when the attempt is committed.

        Returns:
            Whether nothing was found.
        """
        return report((finding.code, finding.detail) for finding in self._attempt.inspect())

    @_noted
    def publish(self) -> bool:
        """Seals the pack: contract, schemas and secrets are checked, then it is stored durably and read back.

        Each failure is one of the gate's own blockers (evidence, leak, publication). What the running verifier may
        raise it raises; the rest is raised when the attempt is committed.

        Returns:
            Whether nothing failed.
        """
        return report((finding.code, finding.detail) for finding in self._attempt.seal())

    def _is_clean(self, place: str, payload: dict[str, JsonValue]) -> bool:
        """Whether a payload holds no secret; one that does is kept from the disk, and blocks the attempt."""
        leaks = self._scanner.scan(place, canonical(payload, name=place))
        self._attempt.leaked(leaks)
        return not leaks
