"""Validation: what the Parquet files alone say about a world, judged against the policy, and the bundle that says so.

``take_census`` counts, ``run_checks`` judges, ``overall_status`` sums up, ``build_bundle`` writes it down; the flag is
part of the bundle only where the status is PASS.
"""

from engine.validation.bundle import FOLDER, Bundle, build_bundle, standing, verify_bundle
from engine.validation.census import Census, TableCensus, take_census
from engine.validation.checks import Check, overall_status, run_checks

__all__ = [
    "FOLDER",
    "Bundle",
    "Census",
    "Check",
    "TableCensus",
    "build_bundle",
    "overall_status",
    "run_checks",
    "standing",
    "take_census",
    "verify_bundle",
]
