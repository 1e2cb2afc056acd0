"""Drills: a narrow fault is injected, watched, and rolled back whatever happens."""

from infra.drills.model import Drill, load_drill

__all__ = ["Drill", "load_drill"]
