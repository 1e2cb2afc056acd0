"""The mark on a function: made and changed under a condition, so of any number that want it one gets it."""

from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from infra.drills.control import MARK_ALIAS, ReservedConcurrency
from infra.drills.mark import Holder, Mark, MarkLostError
from infra.errors import InfraError

MARK = Mark("m4g_20260101T000000Z", Holder("somewhere", 1, "2"), 4_000_000_000, 0, None)


@pytest.fixture
def function(shared_substrate) -> ReservedConcurrency:
    """A function of an account of its own."""
    clients = shared_substrate.clients(shared_substrate.worlds.fresh_account())
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = clients.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("f.py", "def handler(event, context): return None")
    clients.client("lambda").create_function(
        FunctionName="f", Runtime="python3.12", Role=role, Handler="f.handler", Code={"ZipFile": package.getvalue()}
    )
    return ReservedConcurrency(clients, "f")


def race(control: ReservedConcurrency, replacing: Mark | None) -> list[Mark]:
    """The marks that were written, of eight that are written at once."""

    def write(number: int) -> Mark | None:
        try:
            return control.mark(replace(MARK, attempt=f"attempt {number}"), replacing)
        except MarkLostError:
            return None

    with ThreadPoolExecutor(8) as pool:
        return [mark for mark in pool.map(write, range(8)) if mark is not None]


def test_of_eight_that_mark_a_control_at_once_one_does(function) -> None:
    [first] = race(function, None)
    assert function.marked()[0] == first
    [second] = race(function, first)
    assert function.marked()[0] == second
    assert race(function, first) == []
    assert race(function, None) == []
    function.unmark()
    assert function.marked()[0] is None
    assert race(function, second) == []


def test_the_clock_is_the_one_of_the_answer(function, monkeypatch) -> None:
    monkeypatch.setattr("infra.drills.control.time.time", lambda: 0.0)
    assert function.marked()[1] > 1_700_000_000
    function.mark(MARK, None)
    assert function.marked()[1] > 1_700_000_000


def test_the_value_and_the_mark_do_not_touch_each_other(function) -> None:
    function.mark(MARK, None)
    assert (function.read(), function.write(0), function.read()) == (None, "put-function-concurrency", 0)
    assert function.marked()[0] is not None
    assert (function.write(None), function.read()) == ("delete-function-concurrency", None)


def test_what_is_no_mark_is_named_with_its_place(function) -> None:
    function.clients.client("lambda").create_alias(FunctionName="f", Name=MARK_ALIAS, FunctionVersion="$LATEST")
    with pytest.raises(InfraError, match=f"alias {MARK_ALIAS} of f"):
        function.marked()


def test_a_function_that_is_gone_has_no_mark_and_gets_none(function) -> None:
    function.clients.client("lambda").delete_function(FunctionName="f")
    assert function.marked()[0] is None
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        function.mark(MARK, None)
