"""The process in which a deployed function runs: one event at a time, as long as it is told to.

It is started as a script, with the standard library alone, and knows nothing of the project. Events come on one
pipe and results leave on another, so that whatever the function prints goes to the log and nowhere else. The parent
ends it by closing the pipe, or by a signal.

    argv: events-fd results-fd task-root sdk-places handler memory-mb
    event:  u32 length, context as JSON, u32 length, payload as JSON
    result: `R` or `E`, u32 length, JSON
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import site
import struct
import sys
import threading
import time
import traceback
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NoReturn

_LENGTH = struct.Struct(">I")
_OUT_OF_MEMORY = 137
_OVERHEAD_MB = 64  # what the interpreter reserves and a function's own memory figure does not mean


class Context:
    """What a handler is told about its invocation."""

    client_context = None
    identity = None

    def __init__(self, facts: dict[str, Any]) -> None:
        self.aws_request_id = facts["request_id"]
        self.invoked_function_arn = facts["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = facts["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's time-out."""
        return max(0, int((self._deadline - time.time()) * 1_000))


class Sdk:
    """Finds the SDK, and nothing else of the environment that it is installed in.

    Args:
        places: The folder that each of its packages lies in.
    """

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module of a name; only packages at the top are asked for here, what is in them is found through them."""
        del target
        return PathFinder.find_spec(name, [self._places[name]]) if path is None and name in self._places else None


def main() -> None:
    """Runs events until there are no more."""
    events, results, root, sdk, handler_name, memory_mb = sys.argv[1:]
    incoming, outgoing = int(events), int(results)
    _bound_memory(int(memory_mb))
    os.chdir(root)
    sys.path.insert(0, root)
    sys.meta_path.append(Sdk(json.loads(sdk)))
    site.setquit()  # `exit` and `quit`, which an interpreter without its start-up module lacks
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    handler = None
    while True:
        facts = json.loads(_read(incoming))
        payload = _read(incoming)
        started = time.perf_counter()
        _say(f"START RequestId: {facts['request_id']} Version: $LATEST")
        try:
            if handler is None:
                module, _, name = handler_name.rpartition(".")
                handler = getattr(importlib.import_module(module.replace("/", ".")), name)
            status, answer = b"R", json.dumps(handler(json.loads(payload), Context(facts))).encode()
        except MemoryError:
            _end("Runtime exited with error: signal: killed", facts, started, _OUT_OF_MEMORY)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
            _end(f"Runtime exited with error: exit status {code}", facts, started, code)
        except BaseException as error:  # noqa: BLE001 - whatever the handler raises is its invoker's to know
            status, answer = b"E", _told(error)
        _report(facts, started)
        _write(outgoing, status + _LENGTH.pack(len(answer)) + answer)


def _told(error: BaseException) -> bytes:
    """What an invoker learns of an error; the log gets the same."""
    frames = traceback.format_tb(error.__traceback__)[1:]
    told = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": frames}
    _say(f"[ERROR] {type(error).__name__}: {error}\n{''.join(frames)}")
    return json.dumps(told).encode()


def _report(facts: dict[str, Any], started: float) -> None:
    duration = (time.perf_counter() - started) * 1_000
    used = _peak_memory_kb() // 1024
    size = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    request_id = facts["request_id"]
    _say(
        f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\t"
        f"Memory Size: {size} MB\tMax Memory Used: {used} MB"
    )


def _end(message: str, facts: dict[str, Any], started: float, code: int) -> NoReturn:
    _say(f"RequestId: {facts['request_id']} Error: {message}")
    _report(facts, started)
    os._exit(code)


def _peak_memory_kb() -> int:
    # Not getrusage: its figure starts with that of the process that started this one.
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _say(text: str) -> None:
    # Through the stream that the handler prints to, so that the lines stay in their order.
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _bound_memory(memory_mb: int) -> None:
    limit = (memory_mb + _OVERHEAD_MB) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _end_with_parent(parent: int) -> None:
    """Leaves with a parent that vanished, even out of a handler that never returns."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _read(descriptor: int) -> bytes:
    size = _LENGTH.unpack(_read_exactly(descriptor, _LENGTH.size))[0]
    return _read_exactly(descriptor, size)


def _read_exactly(descriptor: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
