"""Ensures, describes and deletes the stacks of one account."""

from __future__ import annotations

import time
from collections.abc import Sequence

from infra.clients import Clients
from infra.errors import InfraError, Problem
from infra.stacks.definitions import APPLY_ORDER, DESTROY_ORDER, STACKS
from infra.stacks.resource import AbsentNeedError, Attributes, Context, Drift, Resource
from infra.stacks.results import ResourceState, StackResult
from infra.stacks.schedule import CALL_ERRORS, Mark, Progress, run, say
from infra.stacks.stack import Stack


def ensure_all(clients: Clients, *, stacks: Sequence[str] = APPLY_ORDER) -> list[StackResult]:
    """Brings stacks up: creates what is absent, repairs what has drifted, leaves the rest alone.

    Stacks begin when those that they require are whole; a failure stops the stacks that require the failed one,
    and nothing else. Secrets are made once and never changed.

    Args:
        clients: The account's clients.
        stacks: The stacks to bring up, with all that they require.

    Returns:
        One result for each stack, in the order of application.

    Raises:
        InfraError: There is no stack of that name, or the account is one of real AWS. What fails in a stack is a
            result, not an error.
    """
    _refuse_aws(clients)
    chosen = _chosen(stacks)

    def ensure(resource: Resource, progress: Progress) -> tuple[Mark, Attributes]:
        context = Context(clients, progress.known)
        attributes = resource.describe(context)
        if attributes is None:
            return "created", resource.create(context)
        drift = resource.drift(context, attributes)
        if not drift:
            return "found", attributes
        resource.repair(context, attributes, drift)
        return "repaired", resource.describe(context) or attributes

    progress = run(chosen, ensure, in_order=True)
    return [_ensured(stack, progress) for stack in chosen]


def describe_all(clients: Clients, *, stacks: Sequence[str] = APPLY_ORDER) -> dict[str, ResourceState]:
    """What stacks are at the moment: each resource by address, present, absent or drifted.

    A resource that can only be found through an absent one counts as absent.

    Args:
        clients: The account's clients.
        stacks: The stacks to look at.

    Raises:
        InfraError: There is no stack of that name, or something could not be asked; what could not be looked at is
            never reported as absent. Names every such resource.
    """
    chosen = _chosen(stacks)
    drifts: dict[str, tuple[Drift, ...]] = {}

    def look(resource: Resource, progress: Progress) -> tuple[Mark, Attributes]:
        context = Context(clients, progress.known)
        mark, attributes = _look(resource, context)
        if mark != "absent":
            try:
                drifts[resource.address] = resource.drift(context, attributes)
            except AbsentNeedError as error:
                drifts[resource.address] = (Drift("needs", wanted=error.args[0], found=None),)
        return mark, attributes

    progress = run(chosen, look, in_order=False)
    if progress.errors:
        raise InfraError(
            problems=[
                Problem(
                    fact=f"it cannot be looked at: {text}",
                    place=f"{address} of account {clients.account_id}",
                    remedy="fix what the service says, then ask again",
                )
                for address, text in sorted(progress.errors.items())
            ]
        )
    addresses = [resource.address for stack in chosen if stack.name in stacks for resource in stack.resources]
    return {address: _state(address, progress, drifts) for address in addresses}


def delete_all(clients: Clients, *, stacks: Sequence[str] = DESTROY_ORDER) -> list[StackResult]:
    """Takes stacks down in reverse order; what is gone already is no error.

    A stack that cannot be taken down whole (its evidence bucket holds evidence, one of its resources cannot be
    looked at) is a FAIL, and everything else is still taken down: teardown goes on through its order.

    Args:
        clients: The account's clients.
        stacks: The stacks to take down.

    Returns:
        One result for each stack, in the order of teardown.

    Raises:
        InfraError: There is no stack of that name, or the account is one of real AWS.
    """
    _refuse_aws(clients)
    chosen = _chosen(stacks)
    progress = run(chosen, lambda resource, so_far: _look(resource, Context(clients, so_far.known)), in_order=False)
    context = Context(clients, progress.known)
    return [_deleted(STACKS[name], progress, context) for name in DESTROY_ORDER if name in stacks]


def _refuse_aws(clients: Clients) -> None:
    """Keeps what builds and deletes by name away from accounts that others own."""
    if clients.substrate != "embedded":
        raise InfraError(
            fact="stacks are built and deleted on the embedded substrate alone",
            place=f"substrate {clients.substrate}, region {clients.region}",
            remedy="on AWS apply or destroy the platform's Terraform roots",
        )


def _look(resource: Resource, context: Context) -> tuple[Mark, Attributes]:
    try:
        attributes = resource.describe(context)
    except AbsentNeedError:
        attributes = None
    return ("absent", {}) if attributes is None else ("found", attributes)


def _state(address: str, progress: Progress, drifts: dict[str, tuple[Drift, ...]]) -> ResourceState:
    if progress.marks[address] == "absent":
        return ResourceState("absent")
    drift = drifts[address]
    return ResourceState("drifted" if drift else "present", progress.known[address], drift)


def _ensured(stack: Stack, progress: Progress) -> StackResult:
    created, repaired = progress.count(stack, "created"), progress.count(stack, "repaired")
    seconds = progress.seconds(stack.name)
    if stack.name in progress.stopped:
        error = f"not attempted: the stack {progress.stopped[stack.name]}, which it requires, is not up"
        return StackResult(stack.name, "NOT_ATTEMPTED", error=error)
    errors = progress.errors_of(stack)
    if errors:
        return StackResult(
            stack.name, "FAIL", error="; ".join(errors), seconds=seconds, created=created, repaired=repaired
        )
    return StackResult(
        stack=stack.name,
        status="PASS",
        outputs=stack.outputs(progress.known),
        handles=stack.handles(progress.known),
        seconds=seconds,
        created=created,
        repaired=repaired,
    )


def _deleted(stack: Stack, progress: Progress, context: Context) -> StackResult:
    start = time.monotonic()
    errors = progress.errors_of(stack)
    for resource in reversed(stack.resources):
        attributes = progress.known.get(resource.address)
        if attributes is None:
            continue
        try:
            _delete(resource, context, attributes)
        except CALL_ERRORS as error:
            errors.append(f"{resource.address}: {say(error)}")
    seconds = time.monotonic() - start
    return StackResult(stack.name, "FAIL" if errors else "PASS", error="; ".join(errors), seconds=seconds)


def _delete(resource: Resource, context: Context, attributes: Attributes) -> None:
    """Deletes a resource; a refusal counts for nothing where the resource turns out to be gone.

    A resource that goes in several calls may be half gone by the hand of another teardown. What is left of it is
    then listed afresh and deleted in a second round; only what a whole round could not delete is an error.
    """
    try:
        resource.delete(context, attributes)
    except CALL_ERRORS:
        if _look(resource, context)[0] == "absent":
            return
        try:
            resource.delete(context, attributes)
        except CALL_ERRORS:
            if _look(resource, context)[0] != "absent":
                raise


def _chosen(names: Sequence[str]) -> list[Stack]:
    """The named stacks with all that they require, in the order of application."""
    unknown = sorted(set(names) - set(STACKS))
    if unknown:
        raise InfraError(
            fact=f"there is no stack {', '.join(unknown)}",
            place="stacks",
            remedy=f"name some of {', '.join(STACKS)}",
        )
    found = set(names)
    for name in DESTROY_ORDER:
        if name in found:
            found.update(STACKS[name].requires)
    return [STACKS[name] for name in APPLY_ORDER if name in found]
