"""Read each botocore service description once for the whole process, as plain dictionaries.

Reason: moto makes a new botocore loader for every question about regions and for every service model, so the
same megabytes of JSON are parsed several times, into ordered dictionaries at twice the cost. That is most of the
time from start to the first EC2 answer. Nothing in moto or botocore needs the ordered type.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

from typing import Any

from infra.emulator.patches import contract
from infra.service_models import file_loader


def apply() -> None:
    """Give botocore's sessions one loader, and moto's service models another (it adds descriptions of its own)."""
    import botocore.loaders
    import botocore.session
    import moto.core.loaders
    import moto.core.utils

    make_loader = contract.require(botocore.session, "create_loader", ("search_path_string",))
    contract.require(botocore.loaders.JSONFileLoader, "load_file", ("self", "file_path"))
    contract.require(moto.core.utils, "create_loader", ())
    contract.require(
        moto.core.loaders.Loader,
        "__init__",
        (
            "self",
            "extra_search_paths",
            "file_loader",
            "cache",
            "include_default_search_paths",
            "include_default_extras",
        ),
    )

    for_sessions = botocore.loaders.Loader(file_loader=file_loader())
    for_models = moto.core.loaders.Loader(extra_search_paths=[moto.core.loaders.moto_root], file_loader=file_loader())

    def create_loader(search_path_string: str | None = None) -> Any:
        return for_sessions if search_path_string is None else make_loader(search_path_string)

    botocore.session.create_loader = create_loader
    moto.core.utils.create_loader = lambda: for_models
