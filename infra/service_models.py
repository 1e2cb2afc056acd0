"""botocore's descriptions of the AWS services: megabytes of JSON, read once, as plain dictionaries.

botocore reads them anew for every session and asks for ordered dictionaries, at twice the cost; nothing in it needs
the ordered type.
"""

# ruff: noqa: PLC0415 - the SDK is imported by whoever asks for a loader, so that importing this module stays cheap

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any


def file_loader() -> Any:
    """A botocore file loader that makes plain dictionaries."""
    from botocore.loaders import JSONFileLoader

    class PlainFileLoader(JSONFileLoader):  # type: ignore[misc]
        def load_file(self, file_path: str) -> Any:
            packed, plain = Path(f"{file_path}.json.gz"), Path(f"{file_path}.json")
            if plain.is_file():
                return json.loads(plain.read_bytes())
            if packed.is_file():
                return json.loads(gzip.decompress(packed.read_bytes()))
            return None

    return PlainFileLoader()


@cache
def shared_loader() -> Any:
    """The one loader of a process, however many accounts it talks to; it knows boto3's own descriptions too.

    It reads what the SDK ships and nothing else: a folder of the user (`~/.aws/models`, `AWS_DATA_PATH`) could name
    other endpoints than AWS's.
    """
    import boto3
    from botocore.loaders import Loader

    paths = [str(Path(boto3.__file__).parent / "data"), Loader.BUILTIN_DATA_PATH]
    return Loader(extra_search_paths=paths, file_loader=file_loader(), include_default_search_paths=False)


def preload(services: Iterable[str]) -> None:
    """Read the descriptions of services before the first client needs them; for idle moments."""
    loader = shared_loader()
    for service in services:
        for kind in ("service-2", "endpoint-rule-set-1"):
            loader.load_service_model(service, kind, api_version=None)
