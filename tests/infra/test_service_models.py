"""Service descriptions: botocore's own content, read once however many clients are made."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader

from infra.clients import Clients
from infra.service_models import file_loader, preload, shared_loader


@pytest.mark.parametrize("service", ["sts", "kafka", "s3"])
def test_a_description_is_botocores_own(service: str) -> None:
    own = Loader().load_service_model(service, "service-2")
    assert Loader(file_loader=file_loader()).load_service_model(service, "service-2") == own


def test_a_preloaded_description_is_the_one_that_clients_of_every_account_use() -> None:
    preload(["sqs"])
    read = shared_loader().load_service_model("sqs", "service-2", api_version=None)
    for account in ("000000000001", "000000000002"):
        clients = Clients.embedded("http://127.0.0.1:9", account)
        operations = clients.client("sqs").meta.service_model._service_description
        assert operations is read
        clients.close()
