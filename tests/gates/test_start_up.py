"""What starting pytest costs in this repository: nothing heavy before a gate needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gates.conftest import ROOT


@pytest.mark.parametrize("arguments", [["--help"], ["-m", "m4c", "--collect-only", "-q"], ["--markers"]])
def test_pytest_starts_without_the_sdk_the_emulator_or_a_data_frame_library(arguments) -> None:
    code = (
        f"import sys, pytest\ncode = pytest.main({arguments!r})\n"
        "heavy = sorted({'boto3', 'moto', 'polars', 'pyarrow', 'detect_secrets', 'jsonschema'} & set(sys.modules))\n"
        "print('heavy:', heavy, 'code:', int(code))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: [] code: 0"
