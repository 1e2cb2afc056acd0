"""All that the author of a platform's fixtures and checks imports, beside `phasegate.api`.

Fixtures stand in a project's conftest files and plugins. They open what the gates look at, hand over evidence of
earlier phases, and answer the hooks of `phasegate.hookspecs`; checks are plain Python that the fixtures hand to
verifiers.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.attempts import UpstreamEvidence
from phasegate.catalog.model import Catalogue, Gate, Severity
from phasegate.evidence.canonical import canonical, parsed, sha256
from phasegate.evidence.custody import PublishError, StoreError
from phasegate.evidence.store import S3Store
from phasegate.harness.options import CHOICES_KEY, add_platform_option
from phasegate.harness.session import RUNNER_KEY
from phasegate.harness.stash import CATALOGUE_KEY, SETTINGS_KEY
from phasegate.project import load_catalogue
from phasegate.settings import Settings
from phasegate.verdict import Verdict, worst


def settings_of(config: pytest.Config) -> Settings:
    """The settings of the session's project, with what the command line changed of them."""
    return config.stash[SETTINGS_KEY]


def catalogue_of(config: pytest.Config) -> Catalogue:
    """The catalogue of the session's project."""
    return config.stash[CATALOGUE_KEY]


def substrate_of(config: pytest.Config) -> str:
    """The substrate that the session's gates look at."""
    return config.stash[CHOICES_KEY].substrate


def registry_given(config: pytest.Config) -> bool:
    """Whether the user named a registry: then it is read exactly as it stands."""
    return config.stash[CHOICES_KEY].registry_given


def install_pack(config: pytest.Config, pack: Path) -> None:
    """Hands over the evidence of a gate that is not run here.

    Args:
        config: The session's configuration.
        pack: A folder with the gate's summary and artifacts; copied into the runs root where it is not there yet.
    """
    config.stash[RUNNER_KEY].staging.archive.install_pack(pack)


def protect(config: pytest.Config, name: str, value: str) -> None:
    """Registers a secret that no artifact, log or report of the session may hold."""
    config.stash[RUNNER_KEY].scanner.register(value, name)


__all__ = [
    "Catalogue",
    "Gate",
    "PublishError",
    "S3Store",
    "Settings",
    "Severity",
    "StoreError",
    "UpstreamEvidence",
    "Verdict",
    "add_platform_option",
    "canonical",
    "catalogue_of",
    "install_pack",
    "load_catalogue",
    "parsed",
    "protect",
    "registry_given",
    "settings_of",
    "sha256",
    "substrate_of",
    "worst",
]
