"""Names the plugins and the fixture modules; nothing else."""

pytest_plugins = [
    "pytester",
    "fixtures.session",
    "fixtures.handles",
    "fixtures.closure",
    "fixtures.lanes",
    "fixtures.run_scope",
    "fixtures.probes",
    "fixtures.drill",
    "fixtures.witness",
]
