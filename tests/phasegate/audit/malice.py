"""More ways to tamper with evidence: signatures spelled anew, members of a wrong type, replays, obstacles, strays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.layout import Layout
from phasegate.evidence.attestation import ATTESTATION, PHASE_ATTESTATION
from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.content import sealed
from tests.phasegate.audit.obstacles import NO_FOLDERS, OBSTACLES, closed, obstruct
from tests.phasegate.audit.tampering import Way, attempts, edit_summary, later_than, own, retold, summary_of, ways

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
WRONG: tuple[Any, ...] = (7, None, [7], {"x": 7})
"""Values of other types than any member of a summary has, or of another content."""


def every_way(root: Path) -> Iterator[Way]:
    """All ways there are: those of `tampering.ways`, and those of this module.

    Args:
        root: The platform's folder under the runs root; each way changes it, so that a copy is wanted for each.
    """
    yield from ways(root)
    folders = attempts(root)
    for folder in folders:
        for path in sorted(folder.glob("*.dsse.json")):
            yield from _spellings(path)
        yield from _replays(root, folder)
        yield from _obstacles(folder)
    for folder in (folders[0], folders[-1]):
        yield from _wrong_types(folder)
    yield from _beginnings(folders)
    yield from _handed_over(root)
    yield from _beside(root)


def _spellings(path: Path) -> Iterator[Way]:
    """Other bytes for the same envelope, and members that it may not have."""

    def edit(change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(path.read_bytes())
        change(document)
        path.write_bytes(canonical(document))

    def of_signature(**members: Any) -> Callable[[dict[str, Any]], object]:
        return lambda document: document["signatures"][0].update(members)

    document = json.loads(path.read_bytes())
    sig = document["signatures"][0]["sig"]
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "a member more in the signature": of_signature(x=1),
        "a bundle in the signature": of_signature(bundle={}),
        "a number for a keyid": of_signature(keyid=7),
        "a list for a keyid": of_signature(keyid=["x"]),
        "no keyid": lambda document: document["signatures"][0].pop("keyid"),
        "a number for a signature": of_signature(sig=7),
        "spare bits of the signature": of_signature(sig=_spare_bits(sig)),
        "no padding of the signature": of_signature(sig=sig.rstrip("=")),
        "an object for the signatures": lambda document: document.update(signatures={}),
        "no signatures": lambda document: document.update(signatures=[]),
        "the signature twice": lambda document: document.update(signatures=document["signatures"] * 2),
        "a number for the payload": lambda document: document.update(payload=7),
        "another payload type": lambda document: document.update(payloadType="application/json"),
        "a member more": lambda document: document.update(x=1),
    }
    if set(sig) & set("+/"):
        changes["the url alphabet"] = of_signature(sig=sig.replace("+", "-").replace("/", "_"))
    if document["payload"].endswith("="):
        payload = _spare_bits(document["payload"])
        changes["spare bits of the payload"] = lambda document: document.update(payload=payload)
    place = frozenset({(path.parent.name, path.name)})
    for name, change in changes.items():
        yield Way(f"{path.parent.name}/{path.name}: {name}", partial(edit, change), place)
    text = path.read_text()
    twice = text.replace('{"payload":', '{"payload":"e30=","payload":', 1)
    yield Way(f"{path.parent.name}/{path.name}: a key twice", partial(path.write_text, twice), place)


def _spare_bits(text: str) -> str:
    digits = text.rstrip("=")
    return digits[:-1] + ALPHABET[ALPHABET.index(digits[-1]) ^ 1] + text[len(digits) :]


def _wrong_types(folder: Path) -> Iterator[Way]:
    """Each member of the summary with values of another type, hashed anew."""
    name = summary_of(folder)
    place = frozenset({(folder.name, ATTESTATION)})
    for member, value in json.loads((folder / name).read_bytes()).items():
        for wrong in WRONG:
            if wrong == value or member == "content":
                continue
            change = partial(edit_summary, folder, name, partial(_set, member=member, value=wrong))
            yield Way(f"{folder.name}/{name}: {member} is {wrong!r}, hashed anew", change, place)


def _set(summary: dict[str, Any], *, member: str, value: Any) -> None:
    summary[member] = value


def _replays(root: Path, folder: Path) -> Iterator[Way]:
    """The same attempt as another runs root, platform or world has it, signed by the very key."""
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "another runs root": lambda statement: own(statement).update(runs_root="0" * 32),
        "another platform": lambda statement: own(statement).update(platform="other"),
        "another world": lambda statement: own(statement)["target"].update(world="444444444444"),
    }
    for name, change in changes.items():
        place = frozenset({(folder.name, ATTESTATION)})
        yield Way(f"{folder.name}: signed in {name}", partial(retold, folder, change), place)

    def newer(change: Callable[[dict[str, Any]], object]) -> None:
        later = later_than(folder)
        shutil.copytree(folder, later)
        name = summary_of(later)
        retold(later, change, partial(_set, member="phase_execution_id", value=later.name))
        (root / ".heads" / later.name).touch()
        assert (later / name).is_file()

    place = frozenset({(later_than(folder).name, ATTESTATION)})
    yield Way(f"{folder.name}: a newer one of another runs root", partial(newer, changes["another runs root"]), place)


def _beginnings(folders: list[Path]) -> Iterator[Way]:
    """A chain that begins twice, or that has two branches, signed by the very key."""
    first, *others = sorted(folders, key=lambda path: path.name.rpartition("_")[2])
    for folder in others:
        both = frozenset({(first.name, ATTESTATION), (folder.name, ATTESTATION)})
        begin = partial(retold, folder, lambda statement: own(statement).update(previous=[]))
        yield Way(f"{folder.name}: begins the chain too", begin, both)
    row = {"execution_id": first.name, "sha256": sha256((first / ATTESTATION).read_bytes())}
    second, *later = others
    for folder in later:
        both = frozenset({(second.name, ATTESTATION), (folder.name, ATTESTATION)})
        branch = partial(retold, folder, lambda statement: own(statement).update(previous=[row]))
        yield Way(f"{folder.name}: follows the first one too", branch, both)


def _obstacles(folder: Path) -> Iterator[Way]:
    """What is no file in the place of each file, what is no folder in that of the attempt, and closed doors."""
    for path in [*sorted(folder.iterdir()), folder / "INVALIDATED.txt"]:
        place = frozenset({(folder.name, path.name)})
        for kind in OBSTACLES:
            yield Way(f"{folder.name}/{path.name}: a {kind}", partial(obstruct, path, kind), place)
        if path.exists():
            yield Way(f"{folder.name}/{path.name}: closed", _nothing, place, partial(closed, path, 0))
    place = frozenset({(folder.name, "")})
    for kind in NO_FOLDERS:
        yield Way(f"{folder.name}: a {kind}", partial(obstruct, folder, kind), place)
    for mode in (0, 0o444):
        yield Way(f"{folder.name}: closed ({mode:o})", _nothing, place, partial(closed, folder, mode))


def _handed_over(root: Path) -> Iterator[Way]:
    """A pack of an earlier phase that was edited and hashed anew, or a newer one."""
    for folder in sorted({path.parent for path in root.rglob("*.json") if path.parent.parent.name == "m3"}):
        name = next(path.name for path in folder.iterdir() if "summary" in path.name)

        def edit(folder: Path = folder, name: str = name, **members: Any) -> None:
            summary = json.loads((folder / name).read_bytes()) | members
            data = sealed(summary, name=name) if summary.pop("content", None) else canonical(summary)
            (folder / name).write_bytes(data)

        def newer(folder: Path = folder, name: str = name, edit: Callable[..., None] = edit) -> None:
            later = later_than(folder)
            shutil.copytree(folder, later)
            edit(later, name, phase_execution_id=later.name)

        place = frozenset({(folder.name, name)})
        yield Way(f"{folder.name}: edited and hashed anew", partial(edit, next_gate="elsewhere"), place)
        yield Way(f"{folder.name}: a newer one", newer, frozenset({(later_than(folder).name, name)}))
        for kind in OBSTACLES:
            yield Way(f"{folder.name}/{name}: a {kind}", partial(obstruct, folder / name, kind), place)


def _beside(root: Path) -> Iterator[Way]:
    """What lies among evidence and belongs to no attempt; and what stands in the place of phasegate's own notes."""
    first = min(path.name for path in attempts(root))
    phase = Layout(root.parent, root.name).phase_of(ExecutionId.parse(first))
    receipt, note = ".pruned/prune_20260101T000000Z_1.dsse.json", f".sessions/{'0' * 32}/{first}"
    written = {
        ".heads/notes": "",
        f".heads/{first}": "content",
        f".heads/{later_than(Path(first)).name}": "",
        ".lock": "content",
        ".pruned/notes": "",
        receipt: "{}",
        ".root-id": "no id",
        ".sessions/notes": "",
        note: "content",
        f".hidden/{ATTESTATION}": "{}",
        f".hidden/{PHASE_ATTESTATION}": "{}",
        "extra.json": "{}",
        f"{phase}/extra.json": "{}",
        f"{phase}/.extra": "",
        f"{phase}/.staging/extra": "",
        f"{phase}/RUN_INDEX.md": "# all is well\n",
    }
    for place, text in written.items():
        named = (later_than(Path(first)).name, "") if place.endswith(later_than(Path(first)).name) else ("", place)
        yield Way(f"{place}: {text!r}", partial(_write, root / place, text), frozenset({named}))
    index = (root / phase / "RUN_INDEX.md").read_text()
    row = f"| m9a_20200101T000000Z | {phase} | x | ADVANCE |  | authoritative |\n"
    lies = [index.replace("ADVANCE_TO", "HOLD_AT", 1), index + row, index[:-2], index.replace("# Attempts", "# All")]
    for number, lie in enumerate(lies):
        place = f"{phase}/RUN_INDEX.md"
        yield Way(f"{place}: lie {number}", partial(_write, root / place, lie), frozenset({("", place)}))
    ours = [".lock", ".root-id", ".heads", ".sessions", ".pruned", f".heads/{first}", receipt, note]
    for place in [*ours, f"{phase}/RUN_INDEX.md", f"{phase}/.staging"]:
        for kind in NO_FOLDERS:
            named = frozenset({("", place)})
            yield Way(f"{place}: a {kind}", partial(_obstruct_below, root / place, kind), named)
    for place in (".heads", phase, "m3", f"{phase}/.staging"):
        for mode in (0, 0o444):
            if (root / place).is_dir() and any((root / place).iterdir()):
                around = partial(closed, root / place, mode)
                yield Way(f"{place}: closed ({mode:o})", _nothing, frozenset({("", place)}), around)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _obstruct_below(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    obstruct(path, kind)


def _nothing() -> None:
    """What is done lasts for as long as the audit does."""
