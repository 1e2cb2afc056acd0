"""The registry as data: every handle with its line, and what else the document lists."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from infra.errors import Problem, RegistryError
from infra.handles.lines import HandleLine, HeadingLine, OpenListLine, PathLine, TokenLine, read_lines
from infra.handles.model import Absent, Handle, OpenReason, Resolution, Unresolved
from infra.handles.settling import Assignment, settle
from infra.handles.templates import LEGAL_TOKENS, expand, read_token
from infra.handles.values import read_value

if TYPE_CHECKING:
    from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Registry:
    """A handle registry: the single authority for names, paths and ids.

    `registry["NAME"]` answers a `Handle`, or an `Absent` where there is no line for the name; it never raises.

    Attributes:
        source: The registry's name, usually its file name.
        sha256: Digest of its bytes, 64 lower-case hex digits.
        handles: Every handle in the order of the document, each name once.
        raw_paths: The raw secret path list: each path with the number of its line.
        tokens: The document's own token list: each token's name with the number of its line.
        open_list: The numbered list of handles that are or once were open, with the number of the line;
            membership says nothing about the value.
        duplicates: Names assigned more than once with one value, and the lines that do.
    """

    source: str
    sha256: str
    handles: tuple[Handle, ...]
    raw_paths: Mapping[str, int]
    tokens: Mapping[str, int]
    open_list: Mapping[str, int]
    duplicates: Mapping[str, tuple[int, ...]]
    _by_name: Mapping[str, Handle] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {handle.name: handle for handle in self.handles})

    def __getitem__(self, name: str) -> Handle | Absent:
        return self._by_name.get(name) or Absent(name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self.handles)

    def get(self, name: str) -> Handle | None:
        """The handle of this name, or None where there is no line for it."""
        return self._by_name.get(name)

    def value(self, name: str) -> JsonValue:
        """The handle's typed value; None where it is absent or not resolved."""
        return self[name].value

    def unresolved(self) -> tuple[Handle, ...]:
        """The handles that have a line and no usable value, in the order of the document."""
        return tuple(handle for handle in self.handles if not handle.resolved)

    def contradictions(self) -> tuple[Problem, ...]:
        """The names whose lines assign differing values, each with all of them."""
        return tuple(
            self.openness(handle, handle.resolution)
            for handle in self.handles
            if isinstance(handle.resolution, Unresolved) and handle.resolution.reason is OpenReason.CONTRADICTION
        )

    def place(self, name: str) -> str:
        """Where the handle stands, as `source:line`; the source alone where it is absent."""
        handle = self._by_name.get(name)
        return self.source if handle is None else f"{self.source}:{handle.line}"

    def require(self, names: Iterable[str]) -> Mapping[str, Handle]:
        """The handles of these names, all of them resolved.

        Raises:
            RegistryError: One is absent or not resolved; every one that is, is listed.
        """
        found: dict[str, Handle] = {}
        problems: list[Problem] = []
        for name in dict.fromkeys(names):
            handle = self._by_name.get(name)
            if handle is None:
                problems.append(self.absence(name))
            elif isinstance(handle.resolution, Unresolved):
                problems.append(self.openness(handle, handle.resolution))
            else:
                found[name] = handle
        if problems:
            raise RegistryError(problems=problems)
        return MappingProxyType(found)

    def expand(self, name: str, values: Mapping[str, str]) -> str:
        """The text of a handle with every `{token}` filled in.

        Args:
            name: A handle that has a text; one without tokens comes back as it is.
            values: A text for each token's name; more than the template needs is fine.

        Raises:
            RegistryError: The handle is absent, open or no text, or a token's value is missing or unusable.
        """
        text = self.require([name])[name].value
        place = self.place(name)
        if not isinstance(text, str):
            raise RegistryError(f"{name} is no text and cannot be a path", place, f"assign {name} a quoted string")
        return expand(text, values, place=f"{place} ({name})")

    def absence(self, name: str) -> Problem:
        """The problem of a name that the registry has no line for, with the nearest name that it has."""
        near = difflib.get_close_matches(name, self._by_name, n=1, cutoff=0.8)
        hint = f" (it has {near[0]})" if near else ""
        return Problem(
            f"{name} has no line in the registry{hint}",
            self.source,
            "use the canonical name, or change the registry first: add a line for it",
        )

    def openness(self, handle: Handle, resolution: Unresolved) -> Problem:
        """The problem of a handle that has no usable value, with what closes it."""
        return Problem(f"{handle.name} {resolution.detail}", self.place(handle.name), remedy_of(resolution.reason))


def remedy_of(reason: OpenReason) -> str:
    """What closes a handle that is open for this reason."""
    return {
        OpenReason.NAME_ONLY: "assign it a value, by hand or with `phasegate handles repin`",
        OpenReason.TO_PIN: "pin it once its value is decided",
        OpenReason.BLANK: "assign it a value",
        OpenReason.PLACEHOLDER: "assign the value that the placeholder stands for",
        OpenReason.BRACES: "assign the concrete value; only templates (names in _PATTERN, _KEY, ...) keep tokens",
        OpenReason.UNKNOWN_TOKEN: "use a listed token, or add this one to the registry's token list",
        OpenReason.REFERENCE: "name a handle that has a value, or write the value itself",
        OpenReason.CONTRADICTION: "keep the right value and remove the other lines, or make them equal",
        OpenReason.MALFORMED: 'write * `NAME = VALUE` with "text", a number, true, false, a JSON list or object',
    }[reason]


def parse(text: str, source: str) -> Registry:
    """Read a registry; raises nothing, whatever the text is.

    A name with differing values is open, with the reason `CONTRADICTION`, and harms no other.

    Args:
        text: The Markdown document.
        source: Its name, for places and artifacts.
    """
    reader = _Reader(text)
    return Registry(
        source=source,
        sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        handles=tuple(reader.handles),
        raw_paths=MappingProxyType(reader.paths),
        tokens=MappingProxyType(reader.tokens),
        open_list=MappingProxyType(reader.open_list),
        duplicates=MappingProxyType(reader.duplicates),
    )


class _Reader:
    """One pass over the lines, then one over the values: a token may be listed below the handle that uses it."""

    def __init__(self, text: str) -> None:
        self.paths: dict[str, int] = {}
        self.tokens: dict[str, int] = {}
        self.open_list: dict[str, int] = {}
        found = self._lines(text)
        legal = LEGAL_TOKENS | self.tokens.keys()
        assignments: dict[str, list[Assignment]] = {}
        for number, line, item, section in found:
            assignments.setdefault(item.name, []).append(_assignment(number, line, item, section, legal))
        settled = settle(assignments)
        self.handles = settled.handles
        self.duplicates = settled.duplicates

    def _lines(self, text: str) -> list[tuple[int, str, HandleLine, str]]:
        found: list[tuple[int, str, HandleLine, str]] = []
        section = ""
        for number, line, item in read_lines(text):
            match item:
                case HandleLine():
                    found.append((number, line, item, section))
                case HeadingLine(text=heading):
                    section = heading
                case PathLine(path=path):
                    self.paths.setdefault(path, number)
                case TokenLine(token=token):
                    name = read_token(token)
                    if name is not None:
                        self.tokens.setdefault(name, number)
                case OpenListLine(name=name):
                    self.open_list.setdefault(name, number)
        return found


def _assignment(number: int, line: str, item: HandleLine, section: str, legal: frozenset[str]) -> Assignment:
    """A handle as its one line has it, and the name of the handle whose value it takes, if it takes one."""
    raw = None if item.value is None else line[slice(*item.value)]
    value: JsonValue = None
    resolution: Resolution
    if item.flaw:
        resolution = Unresolved(OpenReason.MALFORMED, item.flaw)
    elif raw is None:
        resolution = Unresolved(OpenReason.NAME_ONLY, "is declared without a value")
    else:
        value, resolution = read_value(item.name, raw, legal)
    note = "" if item.close is None else line[item.close + 1 :].strip()
    refers = isinstance(resolution, Unresolved) and resolution.reason is OpenReason.REFERENCE
    return Assignment(Handle(item.name, value, raw, number, note, section, resolution), raw if refers else None)
