"""Which route a request takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.emulator.edge.routing import match, strip_stage

KEYS = [
    "GET /pets",
    "GET /pets/{id}",
    "GET /pets/dog",
    "ANY /pets/{proxy+}",
    "POST /pets/{id}/toys/{toy}",
    "$default",
]


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/pets", "GET /pets", {}),
        ("GET", "/pets/", "GET /pets", {}),
        ("GET", "/pets/dog", "GET /pets/dog", {}),
        ("GET", "/pets/cat", "GET /pets/{id}", {"id": "cat"}),
        ("PUT", "/pets/cat", "ANY /pets/{proxy+}", {"proxy": "cat"}),
        ("GET", "/pets/cat/food", "ANY /pets/{proxy+}", {"proxy": "cat/food"}),
        ("POST", "/pets/1/toys/2", "POST /pets/{id}/toys/{toy}", {"id": "1", "toy": "2"}),
        ("POST", "/pets", "$default", {}),
        ("GET", "/", "$default", {}),
    ],
)
def test_the_most_specific_route_wins(method, path, key, parameters) -> None:
    for keys in (KEYS, KEYS[::-1]):
        found = match(method, path, keys)
        assert found is not None
        assert (found.key, found.parameters) == (key, parameters)


def test_without_a_fitting_key_there_is_no_route() -> None:
    keys = ["POST /ingest/push", "GET /ops/health"]
    assert match("GET", "/ingest/push", keys) is None
    assert match("POST", "/ingest/push/more", keys) is None
    assert match("POST", "/v1/ingest/push", keys) is None
    assert match("POST", "/ingest//push", keys) is None


@pytest.mark.parametrize(
    ("path", "stages", "found"),
    [
        ("/v1/ops/health", ["v1"], ("v1", "/ops/health")),
        ("/v1", ["v1"], ("v1", "/")),
        ("/v1/v1/ops/health", ["v1"], ("v1", "/v1/ops/health")),
        ("/ops/health", ["v1"], None),
        ("/ops/health", ["v1", "$default"], ("$default", "/ops/health")),
        ("/v1/ops", ["$default"], ("$default", "/v1/ops")),
        ("/v1x/ops", ["v1"], None),
        ("/", [], None),
    ],
)
def test_the_stage_is_the_first_segment_once(path, stages, found) -> None:
    assert strip_stage(path, stages) == found


@given(st.text(max_size=30), st.lists(st.sampled_from(KEYS)))
def test_any_path_has_one_answer_whatever_the_order_of_the_keys(path, keys) -> None:
    found = match("GET", path, keys)
    assert found == match("GET", path, keys[::-1])
    if "$default" in keys:
        assert found is not None
