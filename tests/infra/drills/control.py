"""A control in memory: it counts what is done to it, keeps its mark under a condition, and can be made to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from infra.clients import Clients
from infra.drills.mark import Mark, MarkLostError


@dataclass
class Control:
    """The control.

    Attributes:
        value: What it reads.
        fails: The values that cannot be written.
        deaf: The values whose writing is answered and does nothing.
        marks: The mark on it, if there is one.
        now: The clock of AWS.
        at: What is done before a step, by its name: `read`, `write`, `mark`, `unmark`.
    """

    value: int | None = None
    fails: list[int | None] = field(default_factory=list)
    deaf: list[int | None] = field(default_factory=list)
    clients: Clients = field(default_factory=lambda: Clients.embedded("http://127.0.0.1:9", "000000000000"))
    name: str = "the control"
    marks: list[Mark] = field(default_factory=list)
    now: int = 1_000_000
    at: dict[str, Callable[[], None]] = field(default_factory=dict)
    written: list[int | None] = field(default_factory=list)
    revisions: int = 0

    def read(self) -> int | None:
        self._at("read")
        return self.value

    def write(self, value: int | None) -> str:
        self._at("write")
        self.written.append(value)
        if value in self.fails:
            raise ConnectionError("no way")
        if value not in self.deaf:
            self.value = value
        return "set"

    def marked(self) -> tuple[Mark | None, int]:
        return (self.marks[0] if self.marks else None), self.now

    def mark(self, mark: Mark, replacing: Mark | None) -> Mark:
        self._at("mark")
        if [made.revision for made in self.marks] != ([] if replacing is None else [replacing.revision]):
            raise MarkLostError("somebody else holds it", self.name, "wait")
        self.revisions += 1
        self.marks = [replace(mark, revision=str(self.revisions))]
        return self.marks[0]

    def unmark(self) -> None:
        self._at("unmark")
        self.marks = []

    def _at(self, step: str) -> None:
        self.at.get(step, lambda: None)()
