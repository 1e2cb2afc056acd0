"""What plugins answer to phasegate's hooks, held to its form: a plugin that fails is named, and ends no session."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import JsonValue

from phasegate.errors import EvidenceError, Problem, SettingsError
from phasegate.harness.hygiene import new_scanner
from phasegate.printable import text_of

if TYPE_CHECKING:
    from phasegate.attempts import Attestor, Provenance
    from phasegate.evidence.secrets import SecretScanner
    from phasegate.evidence.store import EvidenceStore, PublishError, Receipt

_REMEDY = "fix the plugin that answers the hook"
_FAILURES = (Exception, SystemExit)
"""What a plugin may fail with; only a Ctrl-C is the user's."""


def asked(config: pytest.Config, name: str, **given: object) -> Any:
    """The answer of a hook.

    Raises:
        SettingsError: A plugin raised something; errors that speak for themselves come through as they are.
    """
    try:
        return getattr(config.hook, name)(config=config, **given)
    except _FAILURES as error:
        if hasattr(error, "problems"):
            raise
        raise SettingsError(_problem(name, error)) from error


def told(config: pytest.Config, name: str, **given: object) -> list[Problem]:
    """Calls a hook of every plugin that answers it, each by itself; what they raise is returned."""
    problems: list[Problem] = []
    list(_each(config, name, given, problems))  # what they answer, if anything, is nobody's
    return problems


def provenance_of(config: pytest.Config) -> Provenance:
    """What the session's plugins want every summary to name, and what is wrong with what some of them answer."""
    from phasegate.attempts import Provenance  # noqa: PLC0415 - a session without gates needs none of it
    from phasegate.evidence.canonical import canonical  # noqa: PLC0415

    name = "pytest_phasegate_provenance"
    facts: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for plugin, answer in _each(config, name, {}, problems):
        place = f"{name} of {plugin}"
        if not isinstance(answer, Mapping):
            problems.append(Problem(f"it answers {type(answer).__name__}, which is no mapping", place, _REMEDY))
            continue
        try:
            canonical(dict(answer), name="what it answers")
        except EvidenceError as error:
            problems += [Problem(problem.fact, place, _REMEDY) for problem in error.problems]
        else:
            facts |= answer
    return Provenance(facts, problems)


def store_of(config: pytest.Config) -> EvidenceStore | None:
    """The durable store of the session; one that cannot be had refuses every publication and says why."""
    name = "pytest_phasegate_evidence_store"
    try:
        store: Any = getattr(config.hook, name)(config=config)
    except _FAILURES as error:  # whatever keeps the store away, nothing is published
        return _NoStore(_problem(name, error))
    if store is None or all(callable(getattr(store, method, None)) for method in ("publish", "uri")):
        return store  # type: ignore[no-any-return]
    fact = f"it answers {type(store).__name__}, which has no methods publish and uri"
    return _NoStore(Problem(fact, name, "answer a store, or None where there is none"))


def attestor_of(config: pytest.Config) -> Attestor:
    """What signs statements; whatever goes wrong in it is an error of the evidence.

    Raises:
        SettingsError: No plugin answers with one.
    """
    name = "pytest_phasegate_attestor"
    attestor = asked(config, name)
    if not callable(attestor):
        fact = f"it answers {type(attestor).__name__}, which signs nothing"
        raise SettingsError(Problem(fact, name, "answer a function from a statement to the bytes of an envelope"))

    def attest(statement: Mapping[str, JsonValue]) -> bytes:
        from phasegate.evidence.dsse import EnvelopeError, unverified  # noqa: PLC0415

        try:
            envelope: object = attestor(statement)
            if isinstance(envelope, bytes) and unverified(envelope) == statement:
                return envelope
        except EvidenceError:
            raise
        except EnvelopeError as error:
            raise EvidenceError(Problem(f"what it signs is no envelope: {text_of(error)}", name, _REMEDY)) from error
        except _FAILURES as error:
            raise EvidenceError(_problem(name, error)) from error
        raise EvidenceError(Problem("it signs another statement than the one it was given", name, _REMEDY))

    return attest


class SessionServices:
    """What the attempts of a process need, each asked of the session's plugins when it is first used.

    Args:
        config: The session's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @cached_property
    def scanner(self) -> SecretScanner:
        """The one secret scanner of this process."""
        return new_scanner()

    @cached_property
    def store(self) -> EvidenceStore | None:
        """The durable store."""
        return store_of(self._config)

    @cached_property
    def attestor(self) -> Attestor:
        """What signs the statements about attempts."""
        return attestor_of(self._config)

    @cached_property
    def provenance(self) -> Provenance:
        """What the session's plugins want every summary to name."""
        return provenance_of(self._config)

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)


class _NoStore:
    """Stands for a store that cannot be had."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def uri(self, execution_id: str, name: str = "") -> str:
        """Nowhere."""
        del execution_id, name
        return ""

    def publish(self, execution_id: str, name: str, data: bytes) -> Receipt:
        """Refuses."""
        del execution_id, name, data
        from phasegate.evidence.store import PublishError, PublishFailure  # noqa: PLC0415

        error: PublishError = PublishError(PublishFailure.BROKEN, self._problem)
        raise error


def _each(
    config: pytest.Config, name: str, given: Mapping[str, object], problems: list[Problem]
) -> Iterator[tuple[str, Any]]:
    """The answers of a hook, each with its plugin's name; a plugin that fails keeps no other from being asked."""
    manager = config.pluginmanager
    plugins = [implementation.plugin for implementation in getattr(config.hook, name).get_hookimpls()]
    for plugin in dict.fromkeys(plugins):
        alone = manager.subset_hook_caller(name, [other for other in plugins if other is not plugin])
        try:
            answers = alone(config=config, **given)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises, the others are asked
            problems.append(_problem(name, error))
        else:
            yield from ((str(manager.get_name(plugin)), answer) for answer in answers)


def _problem(name: str, error: BaseException) -> Problem:
    found = getattr(error, "problems", None)
    said = "; ".join(f"{item.place}: {item.fact}" for item in found) if found else text_of(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{name} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else name
    return Problem(f"it raised {type(error).__name__}: {said}", place, _REMEDY)
