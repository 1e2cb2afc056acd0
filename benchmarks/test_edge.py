"""How many requests the edge serves: four clients, keep-alive, the real handler with and without its write."""

from __future__ import annotations

import http.client
import io
import json
import os
import statistics
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.clients import Clients
from infra.emulator.process import ensure_running
from infra.stacks import ensure_all, handles_of

CLIENTS = 4
REQUESTS_OF_A_CLIENT = 400
WITHOUT_WRITE_RPS = 400.0
WITH_WRITE_RPS = 100.0
P99_SECONDS = 0.150
HANDLER = Path(__file__).parents[1] / "infra/ingress/ig_handler.py"


@dataclass
class Target:
    """A deployed ingress without a throttle."""

    clients: Clients
    api: str
    key: str

    def drive(self, label: str) -> tuple[float, list[float]]:
        """Pushes events from four clients at once; requests a second, and each one's seconds."""
        took: list[list[float]] = [[] for _ in range(CLIENTS)]
        start = threading.Barrier(CLIENTS + 1)

        def client(number: int) -> None:
            connection = http.client.HTTPConnection(urlsplit(str(self.clients.endpoint_url)).netloc)
            host = f"{self.api}.execute-api.eu-west-2.amazonaws.com"
            headers = {"Host": host, "X-IG-Api-Key": self.key, "Content-Type": "application/json"}
            start.wait()
            for count in range(REQUESTS_OF_A_CLIENT):
                body = json.dumps({"platform_run_id": "bench", "event_id": f"{label}-{number}-{count}"})
                begin = time.perf_counter()
                connection.request("POST", "/v1/ingest/push", body, headers)
                answer = connection.getresponse()
                answer.read()
                took[number].append(time.perf_counter() - begin)
                assert answer.status == 202, answer.status
            connection.close()

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        start.wait()
        begin = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - begin
        return CLIENTS * REQUESTS_OF_A_CLIENT / seconds, sorted(seconds for own in took for seconds in own)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The ingress of a fresh world, with a throttle that no run reaches."""
    process = ensure_running(tmp_path_factory.mktemp("substrate"), owner_pid=os.getpid())
    clients = process.clients(process.worlds.fresh_account())
    handles = handles_of(ensure_all(clients))
    api = handles["APIGW_IG_API_ID"]
    clients.client("apigatewayv2").update_stage(
        ApiId=api,
        StageName="v1",
        DefaultRouteSettings={"ThrottlingRateLimit": 10_000, "ThrottlingBurstLimit": 5_000},
    )
    found = clients.client("ssm").get_parameter(Name=handles["SSM_IG_API_KEY_PATH"], WithDecryption=True)
    yield Target(clients, api, found["Parameter"]["Value"])
    process.stop()


def deploy(target: Target, source: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ig_handler.py", source)
    target.clients.client("lambda").update_function_code(
        FunctionName="fraud-platform-dev-full-ig-handler", ZipFile=buffer.getvalue()
    )


@pytest.mark.parametrize(
    ("label", "appended", "least"),
    [
        ("without", "\n\ndef _admit(admission, context):\n    return False\n", WITHOUT_WRITE_RPS),
        ("with", "", WITH_WRITE_RPS),
    ],
    ids=["without the write", "with the write"],
)
def test_requests_a_second(benchmark, target, label, appended, least) -> None:
    deploy(target, HANDLER.read_text(encoding="utf-8") + appended)
    target.drive(f"{label}-warm")
    rounds: list[tuple[float, list[float]]] = []
    benchmark.pedantic(lambda: rounds.append(target.drive(f"{label}-{len(rounds)}")), rounds=5)
    rate = statistics.median(rate for rate, _ in rounds)
    p99 = statistics.median(times[int(len(times) * 0.99)] for _, times in rounds)
    benchmark.extra_info |= {"requests_per_second": round(rate), "p99_ms": round(p99 * 1_000, 1)}
    print(f"\n{label} the write: {rate:.0f} requests/s, p99 {p99 * 1_000:.1f} ms")
    assert rate >= least
    assert p99 <= P99_SECONDS
