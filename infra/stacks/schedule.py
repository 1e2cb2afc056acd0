"""Acting on the resources of stacks: concurrently where the order between them allows, and no further than a failure.

Every failure of a call becomes a line of the progress; it stops what needs the resource, and where stacks wait for
each other, the stacks that require its stack.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from infra.errors import InfraError
from infra.stacks.resource import AbsentNeedError, Attributes, Resource
from infra.stacks.stack import Stack

WORKERS = 6

CALL_ERRORS = (ClientError, BotoCoreError, ResponseParserError, InfraError, AbsentNeedError)
"""What a call to a service, or the lack of what it needs, raises."""

Mark = Literal["found", "created", "repaired", "absent"]


@dataclass(slots=True)
class Progress:
    """What was done so far.

    Attributes:
        known: The attributes of each resource that exists, by address.
        marks: What became of each resource that was acted on, by address.
        errors: What failed, by address.
        stopped: The stacks that were not attempted, with the stack that stopped each.
        started: When the first resource of each stack was begun, on the monotonic clock in seconds.
        ended: When its last one was done.
    """

    known: dict[str, Attributes] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    def seconds(self, stack: str) -> float:
        """How long a stack took."""
        start = self.started.get(stack, 0.0)
        return self.ended.get(stack, start) - start

    def errors_of(self, stack: Stack) -> list[str]:
        """What failed in a stack, resource by resource."""
        addresses = [resource.address for resource in stack.resources]
        return [f"{address}: {self.errors[address]}" for address in addresses if address in self.errors]

    def count(self, stack: Stack, mark: Mark) -> int:
        """How many of a stack's resources bear a mark."""
        return sum(self.marks.get(resource.address) == mark for resource in stack.resources)


Act = Callable[[Resource, Progress], tuple[Mark, Attributes]]
"""What is done to one resource; the progress tells it of those that it needs."""


def run(stacks: Sequence[Stack], act: Act, *, in_order: bool) -> Progress:
    """Acts on each resource of stacks as soon as what it needs was acted on.

    Args:
        stacks: The stacks; what they need of others is among them.
        act: What is done to one resource.
        in_order: Whether a stack waits until every stack that it requires is whole. Otherwise, only the needs of
            its resources count.
    """
    progress = Progress()
    waiting = {resource.address: resource for stack in stacks for resource in stack.resources}
    running: dict[Future[tuple[Mark, Attributes]], str] = {}
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="stacks") as pool:
        while waiting or running:
            for stack in stacks:
                if in_order and not _may_begin(stack, stacks, progress):
                    if stack.name in progress.stopped:
                        for resource in stack.resources:
                            waiting.pop(resource.address, None)
                    continue
                for resource in _ready(stack, waiting, progress):
                    progress.started.setdefault(stack.name, time.monotonic())
                    running[pool.submit(act, waiting.pop(resource.address), progress)] = resource.address
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                _finish(future, running.pop(future), progress)
    return progress


def _may_begin(stack: Stack, stacks: Sequence[Stack], progress: Progress) -> bool:
    """Whether every stack that this one requires is whole; notes which one stopped it for good."""
    whole = True
    for required in (other for other in stacks if other.name in stack.requires):
        if required.name in progress.stopped or progress.errors_of(required):
            progress.stopped.setdefault(stack.name, required.name)
        whole = whole and all(resource.address in progress.known for resource in required.resources)
    return whole and stack.name not in progress.stopped


def _ready(stack: Stack, waiting: dict[str, Resource], progress: Progress) -> list[Resource]:
    """The resources of a stack that can be acted on; those that never can be are noted as failed."""
    ready = []
    for resource in stack.resources:
        if resource.address not in waiting:
            continue
        failed = [need for need in resource.needs if need in progress.errors]
        if failed:
            del waiting[resource.address]
            progress.errors[resource.address] = f"not attempted: it needs {', '.join(failed)}"
        elif all(need in progress.marks for need in resource.needs):
            ready.append(resource)
    return ready


def _finish(future: Future[tuple[Mark, Attributes]], address: str, progress: Progress) -> None:
    progress.ended[address.partition(".")[0]] = time.monotonic()
    try:
        mark, attributes = future.result()
    except CALL_ERRORS as error:
        progress.errors[address] = say(error)
        return
    if mark != "absent":
        progress.known[address] = attributes
    progress.marks[address] = mark


def say(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, InfraError):
        return "; ".join(f"{problem.fact}; {problem.remedy}" for problem in error.problems)
    if isinstance(error, AbsentNeedError):
        return f"{error.args[0]}, which it needs, does not exist"
    return " ".join(str(error).split())
