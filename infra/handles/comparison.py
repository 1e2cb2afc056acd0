"""What differs between two registries: names, values and raw paths, not prose, annotations or order."""

from __future__ import annotations

from dataclasses import dataclass

from infra.handles.model import Handle
from infra.handles.registry import Registry
from infra.handles.values import same_value


@dataclass(frozen=True, slots=True)
class Change:
    """A handle that both registries have, with differing values.

    Attributes:
        before: As the first registry has it.
        after: As the second has it.
    """

    before: Handle
    after: Handle


@dataclass(frozen=True, slots=True)
class RegistryDiff:
    """What the second registry has otherwise than the first; each list is sorted by name.

    Attributes:
        added: Handles that only the second has.
        removed: Handles that only the first has.
        changed: Handles whose value or resolution differs.
        paths_added: Raw secret paths that only the second lists.
        paths_removed: Raw secret paths that only the first lists.
    """

    added: tuple[Handle, ...]
    removed: tuple[Handle, ...]
    changed: tuple[Change, ...]
    paths_added: tuple[str, ...]
    paths_removed: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether the registries say the same."""
        return not (self.added or self.removed or self.changed or self.paths_added or self.paths_removed)


def diff(before: Registry, after: Registry) -> RegistryDiff:
    """Compare two registries by what they say."""
    old = {handle.name: handle for handle in before.handles}
    new = {handle.name: handle for handle in after.handles}
    changes = (Change(old[name], new[name]) for name in sorted(old.keys() & new.keys()))
    return RegistryDiff(
        added=tuple(new[name] for name in sorted(new.keys() - old.keys())),
        removed=tuple(old[name] for name in sorted(old.keys() - new.keys())),
        changed=tuple(change for change in changes if not _same(change.before, change.after)),
        paths_added=tuple(sorted(after.raw_paths.keys() - before.raw_paths.keys())),
        paths_removed=tuple(sorted(before.raw_paths.keys() - after.raw_paths.keys())),
    )


def _same(before: Handle, after: Handle) -> bool:
    if before.resolved and after.resolved:
        return same_value(before.value, after.value)
    return before.raw == after.raw and before.resolution == after.resolution
