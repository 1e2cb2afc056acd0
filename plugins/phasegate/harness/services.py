"""What verifiers and other plugins get from phasegate: the `gate` fixture, and the signer of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from phasegate.gate import GateRun
from phasegate.harness.marks import TEST_KEY
from phasegate.harness.session import RUNNER_KEY
from phasegate.harness.stash import SETTINGS_KEY
from phasegate.settings import Settings

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from phasegate.attempts import Attestor


class Services:
    """A plugin of its own, so that a project without gates has no fixture of this name."""

    @pytest.fixture
    def gate(self, request: pytest.FixtureRequest) -> GateRun:
        """The attempt of the gate that the test belongs to: metrics, artifacts, upstream evidence, publication."""
        test = request.node.stash.get(TEST_KEY, None)
        if test is None:
            pytest.fail("the fixture `gate` is for verifiers: mark the test with pytest.mark.verifier", pytrace=False)
        return request.config.stash[RUNNER_KEY].gate_run(test)

    @pytest.hookimpl(trylast=True)
    def pytest_phasegate_attestor(self, config: pytest.Config) -> Attestor:
        """Signs with the key that the settings name; a key that cannot be used is known before a gate runs."""
        from phasegate.evidence.keys import KeyStore  # noqa: PLC0415 - cryptography is for who signs

        settings = config.stash[SETTINGS_KEY]
        return partial(_attest, KeyStore(settings.platform).signer(settings.signing_key))


def trusted_keys(settings: Settings) -> Sequence[Key] | None:
    """The keys that gates trust: evidence that none of them signed counts for none."""
    from phasegate.evidence.keys import KeyStore  # noqa: PLC0415 - cryptography is for who signs or rests on it

    return KeyStore(settings.platform).of_gates(settings.signing_key)


def _attest(signer: Any, statement: Mapping[str, Any]) -> bytes:
    from phasegate.evidence.dsse import enveloped  # noqa: PLC0415

    return enveloped(statement, signer)
