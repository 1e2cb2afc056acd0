"""What lies in a run's folder and is named by no receipt: whoever reads a folder of a table reads that, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.errors import EngineError
from engine.files import reading
from engine.run.layout import AUDIT, EVENTS, GATE, PERF, SEALED, STATE, TRACE, RunLayout
from engine.run.perf import PERF_BUDGET, PERF_EVENTS, PERF_SUMMARY
from engine.run.rng import LABELS
from engine.run.seal import Sealed
from engine.validation.bundle import FLAG, FOLDER, INDEX, ISSUES, REPORT

_TREES = ("data/layer3", "logs", "reports")
_DATASET = 4
"""Parts of a path that lead to the folder of a dataset, such as data/layer1/1A/outlet_catalogue."""

_SHOWN = 5


def refuse_unlisted(layout: RunLayout, sealed: Sealed) -> None:
    """Refuse files, folders and links beside what states publish, and beside the upstream tables that they read.

    Raises:
        EngineError: 6A.S5.IO_WRITE_CONFLICT (``unlisted_file``) naming what is not listed; 6A.S5.IO_READ_FAILED where
            a folder cannot be read.
    """
    read = [Path(str(row["path_template"])) for row in sealed.rows if row["read_scope"] == "ROW_LEVEL"]
    upstream = [template for template in read if template.parts[0] == "data"]
    listed = {*_published(layout), *(layout.path(str(template)) for template in upstream)}
    roots = [*_TREES, *("/".join(template.parts[:_DATASET]) for template in upstream)]
    parents = {parent for path in listed for parent in path.parents}
    found = [path for root in roots for path in _unlisted(layout.root / root, listed, parents)]
    if found:
        names = [ascii(str(path.relative_to(layout.root))) for path in found[:_SHOWN]]
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise EngineError(
            code="6A.S5.IO_WRITE_CONFLICT",
            reason="unlisted_file",
            fact=f"the run holds what no state published and S0 did not seal: {', '.join(names)}{more}",
            place=str(layout.root),
            remedy="move it out of the run: whoever reads the folder of a table reads it with the table",
        )


def _published(layout: RunLayout) -> Iterator[Path]:
    yield from layout.tables().values()
    for state, labels in LABELS.items():
        yield layout.path(STATE, state=state.lower())
        yield layout.path(PERF) / PERF_EVENTS.format(state=state.lower())
        yield from (layout.path(EVENTS, label=label) for label in labels)
    yield from map(layout.path, (AUDIT, TRACE, SEALED, GATE))
    yield from (layout.path(PERF) / name for name in (PERF_SUMMARY, PERF_BUDGET))
    yield from (layout.path(FOLDER) / name for name in (REPORT, ISSUES, INDEX, FLAG))


def _unlisted(folder: Path, listed: set[Path], parents: set[Path]) -> Iterator[Path]:
    with reading("S5", folder):
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in inside:
        if path in parents and path.is_dir():
            yield from _unlisted(path, listed, parents)
        elif not (path in listed and path.is_file()):
            yield path
