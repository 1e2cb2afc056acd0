"""Compiled kernels on disk: a folder named by the source that they were compiled from, each file by its own digest.

numba's own cache looks at the time stamp or the text of one file alone; the constants that it froze from other modules
may have changed since. It also reads what a crash or a bad disk left, and fails where it finds no folder to write. Here
a cache is a convenience: whatever is wrong with it, the kernel is compiled anew, to the same bits.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from engine.files import write_whole

_DIGEST = hashlib.sha256().digest_size
_LARGEST = 1 << 26
"""Bytes that the compiled code of a function never has."""


def source_key(sources: Iterable[Path]) -> str:
    """What compiled code is a function of, but for the processor: SHA-256 over sources and versions, 64 hex digits."""
    digest = hashlib.sha256(f"{sys.version}\n{numba.__version__}\n{np.__version__}\n".encode())
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()


def cache_folder(sources: Iterable[Path], bases: Iterable[Path] | None = None) -> Path | None:
    """The folder of these sources' compiled code, made where it is not there.

    Args:
        sources: Files that the compiled code depends on.
        bases: Where to try, in order; numba's folder (``NUMBA_CACHE_DIR``), beside the source, the user's cache.

    Returns:
        None where nothing can be written anywhere.
    """
    sources = tuple(sources)
    for base in _bases() if bases is None else bases:
        folder = base / f"engine-kernels-{source_key(sources)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    return None


def kept(function: Callable[..., Any], folder: Path | None) -> Callable[..., Any]:
    """The function, compiled at its first call or taken from the folder; it runs without the interpreter's lock."""
    dispatcher: Any = numba.njit(nogil=True)(function)
    if folder is not None:
        dispatcher._cache = KernelCache(function, folder)  # noqa: SLF001 - what `cache=True` sets, too
    return dispatcher  # type: ignore[no-any-return]


class KernelCache(NullCache):  # type: ignore[misc]
    """One file a function and signature: the digest of what follows, then numba's compile result."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        """Keep a function's compiled code in a folder."""
        self._name, self._folder = function.__name__, folder

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def load_overload(self, sig: object, target_context: Any) -> Any:
        """The compiled code of a signature; None where there is none that is whole."""
        target_context.refresh()
        try:
            file = self._file(sig, target_context.codegen())
            if not file.is_file() or file.stat().st_size > _LARGEST:  # a pipe would never end
                return None
            raw = file.read_bytes()
            if hashlib.sha256(raw[_DIGEST:]).digest() != raw[:_DIGEST]:
                return None
            return CompileResult._rebuild(target_context, *pickle.loads(raw[_DIGEST:]))  # noqa: S301, SLF001 - own file
        except Exception:  # noqa: BLE001 - a cache that does not serve is no reason to stop: compile
            return None

    def save_overload(self, sig: object, data: Any) -> None:
        """Keep the compiled code of a signature, if there is room."""
        if data.lifted or data.library.has_dynamic_globals:  # pragma: no cover - as numba: holds addresses of a process
            return
        raw = dumps(data._reduce())  # noqa: SLF001 - as numba's own cache
        try:
            write_whole(self._file(sig, data.codegen), hashlib.sha256(raw).digest() + raw)
        except OSError:
            return

    def _file(self, sig: object, codegen: Any) -> Path:
        machine = hashlib.sha256(repr((sig, codegen.magic_tuple())).encode()).hexdigest()
        return self._folder / f"{self._name}-{machine[:32]}.bin"


def _bases() -> Iterator[Path]:
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR)
    yield Path(__file__).parent / "__pycache__"
    with suppress(RuntimeError):  # nobody's home is known
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "phasegate"
