"""Probes: one bounded check of one surface each, run side by side, every failure classified."""

from infra.probes.dependencies import DEPENDENCY_PROBES
from infra.probes.identity import RoleFacts, read_back_roles
from infra.probes.model import ErrorClass, Group, Probe, ProbeResult, ProbeStatus
from infra.probes.runner import run_probes
from infra.probes.secret_paths import PathFacts, intended_readers, read_secret_paths, readers

__all__ = [
    "DEPENDENCY_PROBES",
    "ErrorClass",
    "Group",
    "PathFacts",
    "Probe",
    "ProbeResult",
    "ProbeStatus",
    "RoleFacts",
    "intended_readers",
    "read_back_roles",
    "read_secret_paths",
    "readers",
    "run_probes",
]
