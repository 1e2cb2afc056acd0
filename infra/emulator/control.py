"""The private path of the substrate: health, owners, worlds, faults, shutdown.

It lives under `/_phasegate/`, which no S3 bucket can be named, and every call carries the token of the state file,
so that neither a page in a browser nor another user of the machine can end or change a running substrate.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from infra.emulator.aws_request import is_account_id
from infra.emulator.dispatch import Answer, Environ
from infra.emulator.faults import Fault, FaultBook
from infra.emulator.httpd import Room
from infra.errors import InfraError
from infra.json_text import read_json
from infra.names import CONTROL_PATH

KEY_HEADER: Final = "HTTP_X_PHASEGATE_TOKEN"
MAX_CALL_BYTES: Final = 4 << 20
TOO_LARGE: Final = f"a call, and so a world's state, has at most {MAX_CALL_BYTES} bytes"

FIRST_FRESH_ACCOUNT: Final = 900_000_000_001
"""Account ids handed out to tests start here, far from the default world."""


class Refused(Exception):  # noqa: N818 - a control answer, not a failure of the process
    """The call cannot be served; carries the status and the reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Worlds:
    """What the process remembers of each world: a small JSON value per account; thread-safe."""

    _states: dict[str, Any] = field(default_factory=dict)
    _next_fresh: int = FIRST_FRESH_ACCOUNT
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def recorded(self) -> list[str]:
        """The accounts that have a recorded state."""
        with self._lock:
            return sorted(self._states)

    def get(self, account_id: str) -> Any:
        """The recorded state of a world, or None."""
        with self._lock:
            return self._states.get(account_id)

    def put(self, account_id: str, state: Any) -> None:
        """Record the state of a world."""
        with self._lock:
            self._states[account_id] = state

    def forget(self, account_id: str) -> bool:
        """Drop the recorded state of a world; what is in the emulator stays."""
        with self._lock:
            return self._states.pop(account_id, None) is not None

    def fresh(self) -> str:
        """An account id that was never handed out by this process."""
        with self._lock:
            account_id = str(self._next_fresh)
            self._next_fresh += 1
            return account_id


@dataclass(slots=True, kw_only=True)
class ControlPlane:
    """Answers the calls under the private path.

    Attributes:
        token: What a caller must send.
        identity: The unchanging part of the health answer: pid, versions, digest, endpoint.
        worlds: The recorded worlds.
        faults: The fault rules.
        condition: The changing part of the health answer.
        add_owner: Takes a pid and its start mark; False if the process is ending.
        keep: Makes the process outlive its owners; False if it is ending.
        shut_down: Ends the process.
    """

    token: str
    identity: Mapping[str, Any]
    worlds: Worlds
    faults: FaultBook
    condition: Callable[[], Mapping[str, Any]]
    add_owner: Callable[[int, str], bool]
    keep: Callable[[], bool]
    shut_down: Callable[[], None]
    started: float = field(default_factory=time.monotonic)

    def admit(self, environ: Environ) -> Room | Answer:
        """Room for a call that carries the token."""
        if hmac.compare_digest(environ.get(KEY_HEADER, "").encode(), self.token.encode()):
            return Room(MAX_CALL_BYTES, _json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": TOO_LARGE}))
        return _json(HTTPStatus.FORBIDDEN, {"error": "the token of the state file is missing or wrong"})

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """Answer one control call that was admitted."""
        try:
            segments = environ["PATH_INFO"].removeprefix(CONTROL_PATH).strip("/").split("/")
            result = self._route(environ["REQUEST_METHOD"], segments, body)
            return _json(HTTPStatus.OK, result)
        except Refused as refusal:
            return _json(refusal.status, {"error": str(refusal)})
        except InfraError as error:
            return _json(HTTPStatus.BAD_REQUEST, {"error": error.problems[0].fact})

    def _route(self, method: str, segments: list[str], body: bytes) -> Any:
        match (method, *segments):
            case ("GET", "health"):
                return self._health()
            case ("POST", "shutdown"):
                self.shut_down()
                return {"ending": True}
            case ("POST", "owners"):
                return self._own(_parsed(body))
            case ("POST", "keep"):
                return {"accepted": self.keep()}
            case ("GET", "worlds"):
                return self.worlds.recorded()
            case ("POST", "worlds"):
                return {"account_id": self.worlds.fresh()}
            case (_, "worlds", account_id) if is_account_id(account_id):
                return self._world(method, account_id, body)
            case (_, "faults", *rest) if len(rest) <= 1:
                return self._faults(method, rest[0] if rest else None, body)
            case _:
                raise Refused(HTTPStatus.NOT_FOUND, f"no control call {method} {'/'.join(segments)}")

    def _health(self) -> dict[str, Any]:
        return {
            **self.identity,
            "uptime_seconds": round(time.monotonic() - self.started, 3),
            "worlds": self.worlds.recorded(),
            **self.condition(),
        }

    def _own(self, claim: Any) -> dict[str, bool]:
        match claim:
            case {"pid": int(pid), "started": str(started)} if pid > 0:
                return {"accepted": self.add_owner(pid, started)}
            case _:
                raise Refused(HTTPStatus.BAD_REQUEST, "an owner is a pid and its start mark")

    def _world(self, method: str, account_id: str, body: bytes) -> Any:
        match method:
            case "GET":
                return {"state": self.worlds.get(account_id)}
            case "PUT":
                self.worlds.put(account_id, _parsed(body))
                return {"recorded": True}
            case "DELETE":
                return {"forgotten": self.worlds.forget(account_id)}
            case _:
                raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"a world knows no {method}")

    def _faults(self, method: str, selector: str | None, body: bytes) -> Any:
        match method:
            case "GET":
                return [status.to_json() for status in self.faults.statuses()]
            case "POST":
                return {"fault_id": self.faults.add(Fault.from_json(_parsed(body)))}
            case "DELETE" if selector is not None and is_account_id(selector):
                return {"cleared": self.faults.clear(account_id=selector)}
            case "DELETE":
                return {"cleared": self.faults.clear(fault_id=selector)}
            case _:
                raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"faults know no {method}")


def _parsed(body: bytes) -> Any:
    try:
        return read_json(body)
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error


def _json(status: HTTPStatus, value: Any) -> Answer:
    return Answer(status, [("Content-Type", "application/json")], json.dumps(value).encode())
