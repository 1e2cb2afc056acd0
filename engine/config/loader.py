"""Reads the packs of a folder: every byte digested, every figure checked, every complaint with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.config.base import Pack
from engine.config.files import PACK_NAMES, PACKS, YAML_LOADER, PackFile, PackName, Packs, locate
from engine.config.lint import lint_packs
from engine.errors import EngineError


def load_packs(root: Path = PACKS) -> Packs:
    """Read and check all packs of a folder.

    Args:
        root: Folder with ``priors``, ``taxonomy`` and ``policy``.

    Raises:
        EngineError: 6A.S0.PRIOR_PACK_MISSING where a file cannot be read; 6A.S0.PRIOR_PACK_SCHEMA_INVALID where it is
            no pack of its kind; PRIOR_PACK_INVALID, DOMAIN_INVALID or ROLE_MAPPING_INCOMPLETE of the state that
            reads a pack whose figures cannot be right.
    """
    packs: dict[str, Pack] = {}
    files: dict[str, PackFile] = {}
    for name in PACK_NAMES:
        pack, file = _load(root, name)
        packs[name.field] = pack
        files[name.key] = file
    loaded = Packs(**packs, files=files)  # type: ignore[arg-type]
    lint_packs(loaded)
    return loaded


def _load(root: Path, name: PackName) -> tuple[Pack, PackFile]:
    path = root / name.path
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EngineError(
            code="6A.S0.PRIOR_PACK_MISSING",
            reason="pack_unreadable",
            fact=f"pack {name.key} cannot be read: {error.strerror or error}",
            place=str(path),
            remedy="restore the file, or name the right folder of packs",
            context={"pack": name.key},
        ) from error
    tree = _parse(raw, path, name)
    try:
        pack = name.model.model_validate(tree)
    except ValidationError as error:
        raise _invalid(error, path, name) from error
    if pack.pack != name.key:
        raise EngineError(
            code="6A.S0.PRIOR_PACK_SCHEMA_INVALID",
            reason="pack_key_mismatch",
            fact=f"the file calls itself {pack.pack}, where {name.key} is expected",
            place=locate(path, ("pack",)),
            remedy="put the right pack under this name",
        )
    return pack, PackFile(name, path, hashlib.sha256(raw).hexdigest(), len(raw), pack.version)


class _UniqueKeys(YAML_LOADER):  # type: ignore[misc]
    """A safe loader that refuses a key given twice, where YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _parse(raw: bytes, path: Path, name: PackName) -> object:
    try:
        return yaml.load(raw, Loader=_UniqueKeys)  # noqa: S506 - a safe loader with one more rule
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise EngineError(
            code="6A.S0.PRIOR_PACK_SCHEMA_INVALID",
            reason="pack_not_yaml",
            fact=f"pack {name.key} is no readable YAML: {problem}",
            place=f"{path}:{mark.line + 1}" if mark else str(path),
            remedy="fix the file at this line",
            context={"pack": name.key},
        ) from error


def _invalid(error: ValidationError, path: Path, name: PackName) -> EngineError:
    complaints = error.errors(include_url=False)
    first = complaints[0]
    problems = [
        {"where": ".".join(map(str, item["loc"])), "what": _told(item), "place": locate(path, item["loc"])}
        for item in complaints
    ]
    ours = first["type"] in {"shares_do_not_sum_to_one", "range_inverted", "tier_thresholds_not_rising"}
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return EngineError(
        code=f"6A.{name.state}.PRIOR_PACK_INVALID" if ours else "6A.S0.PRIOR_PACK_SCHEMA_INVALID",
        reason=first["type"],
        fact=f"{name.key}: {problems[0]['where'] or 'the pack'}: {problems[0]['what']}{more}",
        place=problems[0]["place"],
        remedy=(
            "write what is expected: the engine knows no other way"
            if first["type"] == "literal_error"
            else "correct the figure or the key at this line"
        ),
        context={"pack": name.key, "problems": problems},
    )


def _told(complaint: ErrorDetails) -> str:
    """What is wrong; with the value itself where the key has one value or few."""
    given = f", not {complaint['input']!r}" if complaint["type"] == "literal_error" else ""
    return f"{complaint['msg']}{given}"
