"""Names the plugins and the fixture modules; nothing else."""

pytest_plugins = [
    "pytester",
    "fixtures.session",
    "fixtures.handles",
    "fixtures.closure",
    "fixtures.lanes",
    "fixtures.identity",
    "fixtures.run_scope",
    "fixtures.probes",
    "fixtures.runtime",
    "fixtures.correlation",
    "fixtures.drill",
    "fixtures.readiness",
    "fixtures.adjudication",
    "fixtures.recount",
    "fixtures.closing",
    "fixtures.witness",
]
