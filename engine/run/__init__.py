"""Runs of the engine: their folder, identity, publication, logs and timings, and the states in their order."""
