"""Names the fixture modules of the platform; nothing else."""

pytest_plugins = [
    "fixtures.session",
    "fixtures.closure",
    "fixtures.lanes",
    "fixtures.identity",
    "fixtures.probes",
]
