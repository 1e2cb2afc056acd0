"""What the server process takes over from the shell of whoever starts it: little, since functions can read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

INHERITED: Final = (
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PYTHONPATH",
    # How coverage measures child processes.
    "COVERAGE_PROCESS_CONFIG",
    "COVERAGE_PROCESS_START",
)
"""The variables that an interpreter needs to run as it would here; secrets of the shell are none of them."""

EMULATOR_SETTINGS: Final = {
    # The images, with two random ids each, cost a tenth of a second per account and region; no stack uses one.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "NO_PROXY": "*",
}


def server_environment() -> dict[str, str]:
    """The whole environment of the server process."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    return (
        kept
        | EMULATOR_SETTINGS
        | {
            "PYTHONPATH": os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH")])),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )
