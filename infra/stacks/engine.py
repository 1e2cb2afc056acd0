"""Ensures, describes and deletes stacks: concurrently where the order between resources allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from infra.clients import Clients
from infra.errors import InfraError
from infra.stacks.definitions import STACKS, Stack
from infra.stacks.resource import AbsentNeedError, Attributes, Context, Resource

APPLY_ORDER = tuple(STACKS)
DESTROY_ORDER = tuple(reversed(APPLY_ORDER))
_WORKERS = 6

Status = Literal["PASS", "FAIL", "NOT_ATTEMPTED"]


@dataclass(frozen=True, slots=True)
class StackResult:
    """What became of one stack.

    Attributes:
        stack: Its name.
        status: PASS, FAIL, or NOT_ATTEMPTED where an earlier failure stopped it.
        outputs: Its outputs; empty unless it passed.
        handles: The handle values that it materialises; empty unless it passed.
        error: What failed, and at which resource.
        seconds: Time from the first of its resources to the last.
        created: How many of its resources were created rather than found.
    """

    stack: str
    status: Status
    outputs: Mapping[str, Any] = field(default_factory=dict)
    handles: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0
    created: int = 0


@dataclass(slots=True)
class _Progress:
    known: dict[str, Attributes] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)
    finished: dict[str, float] = field(default_factory=dict)


def ensure_all(clients: Clients, *, stacks: Sequence[str] = APPLY_ORDER) -> list[StackResult]:
    """Brings stacks up; what is there already is found and left as it is.

    A resource that fails stops what needs it, and the stacks that need its stack; everything else goes on.

    Args:
        clients: The account's clients.
        stacks: The stacks to bring up, with all that they require.

    Returns:
        One result for each stack, in the order of application.
    """
    chosen = [STACKS[name] for name in APPLY_ORDER if name in _with_required(stacks)]
    start = time.monotonic()
    progress = _Progress()

    def ensure(resource: Resource) -> tuple[Attributes, bool]:
        context = Context(clients, progress.known)
        found = resource.describe(context)
        return (found, False) if found is not None else (resource.create(context), True)

    _run(chosen, progress, ensure)
    return [_result(stack, progress, start) for stack in chosen]


def describe_all(clients: Clients, *, stacks: Sequence[str] = APPLY_ORDER) -> dict[str, Attributes | None]:
    """What exists of stacks: the attributes of each resource by address; None where it is absent.

    A resource that can only be found through an absent one counts as absent.

    Raises:
        InfraError: Something could not be asked; what could not be looked at is never reported as absent.
    """
    chosen = [STACKS[name] for name in APPLY_ORDER if name in _with_required(stacks)]
    progress = _Progress()
    absent: set[str] = set()

    def describe(resource: Resource) -> tuple[Attributes, bool]:
        try:
            found = resource.describe(Context(clients, progress.known))
        except AbsentNeedError:
            found = None
        if found is None:
            absent.add(resource.address)
        return found or {}, False

    _run(chosen, progress, describe, absent=absent)
    if progress.errors:
        raise InfraError(
            fact="; ".join(f"{address}: {text}" for address, text in sorted(progress.errors.items())),
            place=f"account {clients.account_id}",
            remedy="mend what the service says, then ask again",
        )
    wanted = [resource.address for stack in chosen if stack.name in stacks for resource in stack.resources]
    return {address: None if address in absent else progress.known.get(address) for address in wanted}


def delete_all(clients: Clients, *, stacks: Sequence[str] = DESTROY_ORDER) -> list[StackResult]:
    """Takes stacks down in reverse order; what is gone already is no error.

    A stack that cannot be taken down whole (its evidence bucket holds evidence) is a FAIL, and the next ones are
    still tried: teardown goes on through its order.
    """
    present = {address: found for address, found in describe_all(clients).items() if found is not None}
    context = Context(clients, present)
    results = []
    for name in (name for name in DESTROY_ORDER if name in stacks):
        start = time.monotonic()
        errors = []
        for resource in reversed(STACKS[name].resources):
            attributes = present.get(resource.address)
            if attributes is None:
                continue
            try:
                resource.delete(context, attributes)
            except (ClientError, BotoCoreError) as error:
                errors.append(f"{resource.address}: {_say(error)}")
        status: Status = "FAIL" if errors else "PASS"
        results.append(StackResult(name, status, error="; ".join(errors), seconds=time.monotonic() - start))
    return results


def handles_of(results: Iterable[StackResult]) -> dict[str, Any]:
    """The handle values of all given stacks."""
    return {name: value for result in results for name, value in result.handles.items()}


def _run(
    stacks: Sequence[Stack],
    progress: _Progress,
    act: Callable[[Resource], tuple[Attributes, bool]],
    absent: set[str] | None = None,
) -> None:
    """Acts on every resource as soon as what it needs is there."""
    waiting = {resource.address: resource for stack in stacks for resource in stack.resources}
    requires = {stack.name: stack.requires for stack in stacks}
    gone = absent if absent is not None else set()
    running: dict[Future[tuple[Attributes, bool]], str] = {}
    with ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="stacks") as pool:
        while waiting or running:
            for address in tuple(waiting):
                resource = waiting[address]
                if _blocked(address, resource, requires, progress):
                    del waiting[address]
                elif all(need in progress.known or need in gone for need in resource.needs):
                    running[pool.submit(act, waiting.pop(address))] = address
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                _finish(future, running.pop(future), progress, gone)


def _finish(future: Future[tuple[Attributes, bool]], address: str, progress: _Progress, gone: set[str]) -> None:
    try:
        attributes, created = future.result()
    except (ClientError, BotoCoreError, InfraError) as error:
        progress.errors[address] = _say(error)
        return
    if address not in gone:
        progress.known[address] = attributes
    progress.finished[address] = time.monotonic()
    if created:
        progress.created.add(address)


def _blocked(address: str, resource: Resource, requires: Mapping[str, tuple[str, ...]], progress: _Progress) -> bool:
    """Whether a resource cannot come about any more: what it needs, or a stack that its own requires, failed."""
    failed_stacks = {name.partition(".")[0] for name in progress.errors}
    stack = address.partition(".")[0]
    if failed_stacks.intersection(requires[stack]):
        return True
    failed_here = any(need in progress.errors for need in resource.needs)
    if failed_here:
        progress.errors.setdefault(address, "not attempted: what it needs failed")
    return failed_here


def _result(stack: Stack, progress: _Progress, start: float) -> StackResult:
    addresses = [resource.address for resource in stack.resources]
    errors = [f"{address}: {progress.errors[address]}" for address in addresses if address in progress.errors]
    seconds = max((progress.finished.get(address, start) for address in addresses), default=start) - start
    created = len(progress.created.intersection(addresses))
    missing = [address for address in addresses if address not in progress.known]
    if errors:
        return StackResult(stack.name, "FAIL", error="; ".join(errors), seconds=seconds, created=created)
    if missing:
        return StackResult(stack.name, "NOT_ATTEMPTED", error="a stack that it requires failed", seconds=seconds)
    return StackResult(
        stack=stack.name,
        status="PASS",
        outputs=stack.outputs(progress.known),
        handles=stack.handles(progress.known),
        seconds=seconds,
        created=created,
    )


def _with_required(names: Sequence[str]) -> set[str]:
    unknown = sorted(set(names) - set(STACKS))
    if unknown:
        raise InfraError(
            fact=f"there is no stack {', '.join(unknown)}",
            place="stacks",
            remedy=f"name some of {', '.join(STACKS)}",
        )
    found = set(names)
    for name in reversed(APPLY_ORDER):
        if name in found:
            found.update(STACKS[name].requires)
    return found


def _say(error: Exception) -> str:
    return " ".join(str(error).split())
