"""Turns: one request at a time in one service of one world, others beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest

from infra.emulator import dispatch
from infra.emulator.dispatch import Dispatcher
from infra.emulator.faults import FaultBook
from infra.emulator.patches.contract import PatchError


class Crowd:
    """A backend that counts how many requests are in it at once, per service."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.most = 0
        self.company = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside > 1:
                self.company.set()
        self.company.wait(0.1)
        with self.lock:
            self.inside -= 1
        start_response("200 OK", [])
        return [b"{}"]


def environ(service: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_X_AMZ_TARGET": "Service.Operation",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=000000000000/20260101/eu-west-2/{service}/aws4_request",
        "wsgi.input": BytesIO(b"{}"),
    }


@pytest.mark.parametrize(
    ("services", "most"),
    [(["ssm", "ssm", "ssm"], 1), (["ssm", "kms"], 2), (["sqs", "sqs"], 2), (["states", "states"], 2)],
)
def test_requests_take_turns_where_the_emulator_needs_it(
    monkeypatch: pytest.MonkeyPatch, services: list[str], most: int
) -> None:
    crowd = Crowd()
    monkeypatch.setattr(dispatch, "_make_app", lambda _: crowd)
    monkeypatch.setattr(dispatch, "apply_for", lambda _: None)
    dispatcher = Dispatcher(FaultBook())
    with ThreadPoolExecutor(len(services)) as pool:
        answers = list(pool.map(lambda service: dispatcher.answer(environ(service), b"{}"), services))
    assert [answer.status for answer in answers] == [200] * len(services)
    assert crowd.most == most


def test_a_backend_whose_patch_does_not_fit_is_a_defect_that_every_answer_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def misfit(backend: str) -> None:
        raise PatchError(fact="Parameter has no callable 'x'", place="moto 9", remedy="fix it")

    monkeypatch.setattr(dispatch, "apply_for", misfit)
    dispatcher = Dispatcher(FaultBook())
    dispatcher.prepare("ssm")
    answer = dispatcher.answer(environ("ssm"), b"{}")
    assert answer.status == 500
    assert b"EmulatorFailure" in answer.body
    assert b"moto 9" in answer.body
    assert list(dispatcher.defects) == ["ssm"]
