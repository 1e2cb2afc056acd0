"""Builds the handler's deployment package: the same bytes on every machine, for the same source."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

RUNTIME = "python3.12"
ENTRYPOINT = "ig_handler.lambda_handler"
_SOURCE = Path(__file__).parent / "ig_handler.py"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16


@cache
def build_zip() -> bytes:
    """The deployment package: the handler module alone, since the runtime brings boto3."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        entry = zipfile.ZipInfo(_SOURCE.name, date_time=_EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = _MODE
        entry.create_system = 3
        archive.writestr(entry, _SOURCE.read_bytes())
    return buffer.getvalue()
