"""From the lines of a registry to one handle a name: references are followed, differing values are told.

A reference is a value without quotes that is the name of another handle, such as `ROLE_LAMBDA`: it stands for
that handle's value. One that leads nowhere, or back to itself, leaves its own handle open and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from infra.handles.model import Handle, OpenReason, Unresolved
from infra.handles.values import same_value

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one line says of a name.

    Attributes:
        handle: The handle as this line has it.
        refers: The name of the handle whose value it takes; None where it has a value of its own, or none.
    """

    handle: Handle
    refers: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """The handles of a registry, each name once.

    Attributes:
        handles: In the order of the document.
        duplicates: Names assigned more than once with one value, and the lines that do.
    """

    handles: list[Handle]
    duplicates: dict[str, tuple[int, ...]]


def settle(assignments: Mapping[str, Sequence[Assignment]]) -> Settled:
    """One handle for each name.

    Args:
        assignments: The lines of each name, in the order of the document; bare declarations are among them and
            never override an assignment.
    """
    duplicates: dict[str, tuple[int, ...]] = {}
    # Nearly every name has one line with a value of its own.
    settled = {name: lines[0].handle for name, lines in assignments.items() if len(lines) == 1 and not lines[0].refers}
    for name in [name for name in assignments if name not in settled]:
        way = {name: None}  # in the order of the references, from one handle to the next
        while way:  # no recursion: a chain of references may be as long as the document
            here = next(reversed(way))
            lines = [line for line in assignments[here] if line.handle.raw is not None] or assignments[here][:1]
            ahead = (line.refers for line in lines if line.refers in assignments and line.refers not in settled)
            further = next((refers for refers in ahead if refers is not None and refers not in way), None)
            if further is not None:
                way[further] = None
                continue
            del way[here]
            if here not in settled:
                found = [_followed(line, settled, known=line.refers in assignments) for line in lines]
                settled[here] = _merged(found)
                if len(found) > 1 and not _contradicts(settled[here]):
                    duplicates[here] = tuple(handle.line for handle in found)
    handles = sorted(settled.values(), key=lambda handle: handle.line)
    return Settled(handles, {handle.name: duplicates[handle.name] for handle in handles if handle.name in duplicates})


def _followed(line: Assignment, settled: Mapping[str, Handle], *, known: bool) -> Handle:
    """The handle with the value of the one that it refers to; `known` tells whether that one has a line."""
    if line.refers is None:
        return line.handle
    target = settled.get(line.refers)
    if target is None:
        why = "which leads back here" if known else "which has no line"
    elif not isinstance(target.resolution, Unresolved):
        return replace(line.handle, value=target.value, resolution=target.resolution)
    elif target.resolution.reason is OpenReason.REFERENCE:
        why = "which refers to a handle without a value"  # told there; a chain of them is told once
    else:
        why = f"which {target.resolution.detail}"
    return replace(line.handle, resolution=Unresolved(OpenReason.REFERENCE, f"refers to {line.refers}, {why}"))


def _merged(found: Sequence[Handle]) -> Handle:
    """The first of a name's assignments, or a contradiction of all."""
    first = found[0]
    if all(_agree(first, other) for other in found[1:]):
        return first
    values = " and ".join(f"{_shortened(handle.raw or 'nothing')} (line {handle.line})" for handle in found)
    return replace(
        first, value=None, resolution=Unresolved(OpenReason.CONTRADICTION, f"is assigned differing values: {values}")
    )


def _agree(left: Handle, right: Handle) -> bool:
    """Tell whether two assignments of a name say the same."""
    if left.resolved and right.resolved:
        return same_value(left.value, right.value)
    return left.raw == right.raw and left.resolved == right.resolved


def _contradicts(handle: Handle) -> bool:
    return isinstance(handle.resolution, Unresolved) and handle.resolution.reason is OpenReason.CONTRADICTION


def _shortened(raw: str) -> str:
    return raw if len(raw) <= _SHOWN else f"{raw[: _SHOWN - 3]}..."
