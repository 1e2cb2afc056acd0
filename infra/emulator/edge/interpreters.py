"""What runs deployed code: an interpreter with the standard library and the SDK, as AWS's runtimes have them.

Nothing of the project and nothing that its environment has installed can be imported, so a package that lacks what
it imports fails here as it would there.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from platform import python_version
from typing import Final

from infra.emulator.edge.functions import RUNTIME_PREFIX

SDK: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What a Python runtime of AWS brings beside the standard library: boto3 and what it needs."""
_ASK_SECONDS: Final = 10.0


@cache
def interpreter(runtime: str) -> tuple[str, str]:
    """What runs a runtime here: its own interpreter where one is installed, else the one that runs this.

    Args:
        runtime: Such as `python3.12`.

    Returns:
        The command and its version.
    """
    if runtime == f"{RUNTIME_PREFIX}{sys.version_info.minor}":
        return sys.executable, python_version()
    found = shutil.which(runtime)
    if found is not None and (version := _version(found)).startswith(f"{runtime.removeprefix('python')}."):
        return found, version
    return sys.executable, python_version()


def mismatch(runtime: str) -> str | None:
    """What must be said of a runtime whose version is not installed here; None where it is."""
    _, version = interpreter(runtime)
    if version.startswith(f"{runtime.removeprefix('python')}."):
        return None
    return f"{runtime} is not installed, so its functions run on Python {version}"


@cache
def sdk() -> dict[str, str]:
    """The folder that each package of the SDK is imported from."""
    found = {}
    for name in SDK:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            found[name] = str(origin.parents[1] if spec.submodule_search_locations else origin.parent)
    return found


def _version(command: str) -> str:
    """The version of an interpreter; empty if it does not run."""
    code = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run(
            [command, "-I", "-S", "-c", code], capture_output=True, text=True, check=False, timeout=_ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
