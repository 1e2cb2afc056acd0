"""Readiness gates as pytest tests: fail-closed verdicts and evidence packs that read back."""

__version__ = "0.1.0"
