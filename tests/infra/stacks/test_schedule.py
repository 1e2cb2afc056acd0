"""The order in which resources are acted on, and how far a failure reaches."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from infra.errors import InfraError
from infra.stacks.definitions import APPLY_ORDER, DESTROY_ORDER, STACKS
from infra.stacks.resource import Attributes, Context, Resource, Settings
from infra.stacks.schedule import Mark, Progress, run
from infra.stacks.stack import Stack


@dataclass(frozen=True, slots=True)
class Piece(Resource):
    """A resource that is nothing but its place in the order."""

    after: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return self.after

    def describe(self, context: Context) -> Attributes | None:
        return {}

    def create(self, context: Context) -> Attributes:
        return {}

    def delete(self, context: Context, attributes: Attributes) -> None: ...

    def wanted(self, context: Context) -> Settings:
        return {}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        return {}

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None: ...


@dataclass
class Watched:
    """Acts by noting what was known at the time; fails where told."""

    failing: set[str]
    seen: dict[str, set[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self, resource: Resource, progress: Progress) -> tuple[Mark, Attributes]:
        with self.lock:
            assert resource.address not in self.seen, "acted on twice"
            self.seen[resource.address] = set(progress.known)
        if resource.address in self.failing:
            raise InfraError("it fails", resource.address, "fix it")
        return "created", {}


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[Stack], set[str]]:
    """Up to four stacks that require earlier ones, of resources that need earlier ones; and some that fail."""
    stacks: list[Stack] = []
    earlier: list[str] = []
    for number in range(draw(st.integers(1, 4))):
        name = f"s{number}"
        requires = tuple(draw(st.sets(st.sampled_from(stacks), max_size=2)) if stacks else ())
        reachable = [address for address in earlier if address.partition(".")[0] in {item.name for item in requires}]
        pieces: list[Piece] = []
        for index in range(draw(st.integers(1, 4))):
            choices = [*reachable, *(piece.address for piece in pieces)]
            needs = draw(st.sets(st.sampled_from(choices), max_size=3)) if choices else set()
            pieces.append(Piece(f"{name}.r{index}", tuple(sorted(needs))))
        earlier += [piece.address for piece in pieces]
        names = tuple(item.name for item in requires)
        stacks.append(Stack(name, names, tuple(pieces), lambda _: {}, lambda _: {}))
    return stacks, draw(st.sets(st.sampled_from(earlier), max_size=3))


@given(plans(), st.booleans())
def test_nothing_is_acted_on_before_what_it_needs_or_after_what_it_needs_failed(plan, in_order) -> None:
    stacks, failing = plan
    watched = Watched(failing)
    progress = run(stacks, watched.act, in_order=in_order)
    for stack in stacks:
        for resource in stack.resources:
            address = resource.address
            outcomes = [address in progress.known, address in progress.errors, stack.name in progress.stopped]
            assert outcomes.count(True) == 1, (address, outcomes)
            if address in watched.seen:
                assert set(resource.needs) <= watched.seen[address]
            else:
                assert stack.name in progress.stopped or set(resource.needs) & progress.errors.keys()
            assert (address in progress.known) == (address in watched.seen and address not in failing)


@given(plans())
def test_in_order_a_stack_begins_only_when_those_that_it_requires_are_whole(plan) -> None:
    stacks, failing = plan
    watched = Watched(failing)
    progress = run(stacks, watched.act, in_order=True)
    whole = {
        stack.name: {resource.address for resource in stack.resources}
        for stack in stacks
        if all(resource.address in progress.known for resource in stack.resources)
    }
    for stack in stacks:
        begun = [resource.address for resource in stack.resources if resource.address in watched.seen]
        if stack.name in progress.stopped:
            assert begun == []
            assert progress.stopped[stack.name] not in whole
        else:
            assert set(stack.requires) <= whole.keys()
        for address in begun:
            assert all(whole[name] <= watched.seen[address] for name in stack.requires)


def test_a_stack_lists_every_resource_after_what_it_needs() -> None:
    """Teardown walks the list backwards, so this is also its order."""
    for stack in STACKS.values():
        before = {resource.address for name in stack.requires for resource in STACKS[name].resources}
        for resource in stack.resources:
            assert resource.address.startswith(f"{stack.name}.")
            assert set(resource.needs) <= before, resource.address
            before.add(resource.address)


def test_the_stacks_are_applied_and_destroyed_in_the_platforms_order() -> None:
    assert APPLY_ORDER == ("core", "streaming", "runtime", "data_ml", "ops")
    assert DESTROY_ORDER == ("ops", "data_ml", "runtime", "streaming", "core")
    assert {name: stack.requires for name, stack in STACKS.items()} == {
        "core": (),
        "streaming": ("core",),
        "runtime": ("core", "streaming"),
        "data_ml": (),
        "ops": (),
    }


def test_addresses_are_unique() -> None:
    addresses = [resource.address for stack in STACKS.values() for resource in stack.resources]
    assert len(addresses) == len(set(addresses)) == 56
