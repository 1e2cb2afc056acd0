"""Two requests that look an operation up at once get the kind of model that the emulator's router reads."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.loaders import Loader
from moto.core.model import OperationModel, ServiceModel

from infra.emulator.patches import operation_models

ROUNDS, READERS = 10, 8


@pytest.fixture
def impatient():
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_an_operation_looked_up_from_many_threads_is_of_one_kind(impatient, monkeypatch) -> None:
    monkeypatch.setattr(ServiceModel, "operation_model", ServiceModel.operation_model)  # put back behind the patch
    operation_models.apply()
    description = Loader().load_service_model("iam", "service-2")
    names = [name for name in description["operations"] for _ in range(READERS)]
    with ThreadPoolExecutor(READERS) as pool:
        for _ in range(ROUNDS):
            model = ServiceModel(description, "iam")
            assert {type(found) for found in pool.map(model.operation_model, names)} == {OperationModel}
