"""Which loaded modules a gate's own files import, so that what another gate's folder holds judges that gate alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path


class Reach:
    """Whose code the modules in gates' folders are.

    Args:
        owner: Gives the gate in whose folder a file lies, or None.
        own: Gives the files of a gate.
    """

    def __init__(self, owner: Callable[[Path], str | None], own: Callable[[str], Iterable[Path]]) -> None:
        self._owner = owner
        self._own = own
        self.of = cache(self._of)

    def judges(self, path: Path, gate_id: str) -> bool:
        """Whether a module that was loaded may judge a gate: anything may that is not another gate's alone."""
        owner = self._owner(path)
        if owner is None or owner == gate_id or path in self.of(gate_id):
            return True
        # Whoever loaded what its own gate does not import is not known, so it counts for all.
        return path not in self.of(owner) and path not in self._own(owner)

    def _of(self, gate_id: str) -> frozenset[Path]:
        """The loaded modules that a gate's files import, and what those in folders of gates import in turn."""
        found: set[Path] = set()
        pending = [path for path in self._own(gate_id) if path.suffix == ".py"]
        pending += {path.parent / "conftest.py" for path in pending if (path.parent / "conftest.py").is_file()}
        while pending:
            for path in _imported(pending.pop()):
                if path not in found:
                    found.add(path)
                    pending += [path] if self._owner(path) is not None else []
        return frozenset(found)


def _imported(path: Path) -> Iterator[Path]:
    for name in _names(path):
        file = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(file, str):
            yield Path(file)


@cache
def _names(path: Path) -> frozenset[str]:
    """The names that a file imports, each as if it were a module's."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return frozenset()  # who collects it says so
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)
