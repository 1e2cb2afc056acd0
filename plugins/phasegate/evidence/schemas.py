"""The JSON Schemas of artifacts: the project's, one a file, and the framework's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from phasegate.catalog.artifact_schemas import TOO_DEEP, read_schema
from phasegate.catalog.grammar import summary_name
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.documents import Document, ExecutionSummary, GateRegister, PublicationReceipt, misfits

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

RECEIPT_NAME = "publication_receipt.json"
_SUFFIX = ".schema.json"
_SUMMARY = re.compile("[a-z]+[0-9]+[a-z][a-z0-9]*" + re.escape(summary_name("")))
_MESSAGE_LIMIT = 10
_LONGEST = 400
_OF_EACH_KIND: Final[tuple[Any, ...]] = (None, True, 0, 0.5, "", [], {})


class SchemaSet:
    """The schemas of a project's artifacts; compiled when first used, and then kept.

    Args:
        folders: Folders of `<artifact>.schema.json` files. They may be absent: then no artifact has a schema.
        summaries: The execution summaries of the catalogue's gates; those of phases with a number are known by their
            names.
        registers: The blocker registers that the framework writes.
    """

    def __init__(self, *folders: Path, summaries: Collection[str] = (), registers: Collection[str] = ()) -> None:
        self._folders = folders
        self._summaries = frozenset(summaries)
        self._registers = frozenset(registers)
        self._validators: dict[str, Validator | str] = {}

    @cached_property
    def files(self) -> Mapping[str, tuple[Path, ...]]:
        """The artifacts (file names) that have a schema, each with the files of it, of which there may be one."""
        found: dict[str, tuple[Path, ...]] = {}
        for path in sorted(path for folder in self._folders for path in folder.glob(f"*{_SUFFIX}")):
            name = path.name.removesuffix(_SUFFIX) + ".json"
            found[name] = (*found.get(name, ()), path)
        return found

    def validate(self, name: str, payload: Any) -> tuple[str, ...]:
        """What of a payload does not fit the schema of an artifact.

        Args:
            name: The artifact's file name. The execution summary of a gate, its blocker register where the framework
                writes it, and the publication receipt fit the framework's own schemas, whatever lies in the folders.
            payload: The parsed artifact.

        Returns:
            Messages, each with the key path; one message where there is no schema, or it cannot be used.
        """
        own = self._own_document(name)
        if own is not None:
            return _cut(misfits(own, payload))
        validator = self._validators.get(name)
        if validator is None:
            validator = self._validators[name] = self._compile(name)
        if isinstance(validator, str):
            return (validator,)
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - costs start-up time

        try:
            errors = sorted(validator.iter_errors(payload), key=lambda error: error.json_path)
        except (Unresolvable, RecursionError) as error:  # what no meta-schema tells of a schema
            return (f"its schema cannot be applied: {type(error).__name__}: {' '.join(str(error).split())[:300]}",)
        return _cut([f"{error.json_path}: {error.message}" for error in errors])

    def _own_document(self, name: str) -> Document | None:
        if name == RECEIPT_NAME:
            return PublicationReceipt
        if name in self._registers:
            return GateRegister
        return ExecutionSummary if name in self._summaries or _SUMMARY.fullmatch(name) else None

    def _compile(self, name: str) -> Validator | str:
        from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - costs start-up time
        from jsonschema_specifications import REGISTRY  # noqa: PLC0415

        try:
            schema = self._load(name)
            Draft202012Validator.check_schema(schema)
        except EvidenceError as error:
            return str(error.problems[0].fact)
        except SchemaError as error:
            return f"its schema is no JSON Schema: {error.message}"
        except RecursionError:
            return f"its schema cannot be read: {TOO_DEEP}"
        validator = Draft202012Validator(schema, registry=REGISTRY)  # which knows the drafts, and fetches nothing
        try:
            takes_anything = all(validator.is_valid(value) for value in _OF_EACH_KIND)
        except Exception:  # noqa: BLE001 - what cannot be applied is told where it is applied
            takes_anything = False
        return "its schema takes anything, so nothing was checked" if takes_anything else validator

    def _load(self, name: str) -> Any:
        paths = self.files.get(name, ())
        place = " and ".join(map(str, paths)) or name
        if len(paths) != 1:
            fact = f"{name} has {len(paths) or 'no'} schema{'s' if paths else ''}"
            raise EvidenceError(Problem(fact, place, "keep one" if paths else "write one"))
        try:
            return read_schema(paths[0].read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            fact = f"its schema cannot be read: {error}"
            raise EvidenceError(Problem(fact, place, "fix the schema")) from error


def _cut(messages: Sequence[str]) -> tuple[str, ...]:
    shown = [" ".join(message.split())[:_LONGEST] for message in messages[:_MESSAGE_LIMIT]]
    more = len(messages) - len(shown)
    return (*shown, f"and {more} more") if more else tuple(shown)
