"""MSK Serverless: clusters become ACTIVE, have brokers, a name and an ARN of AWS's form, and can be missing.

Reason: moto leaves a cluster CREATING for ever, lacks GetBootstrapBrokers, fills the description with placeholder
operation and state texts, makes ARNs of a form that AWS has not, lets two clusters share a name, and crashes on an
ARN that it does not know instead of answering NotFoundException. Gates wait for ACTIVE, pin the brokers, and must
tell a stale ARN from a broken emulator. It also draws ids by chance, so a world that is built again has another
cluster than the one that earlier evidence is about.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from infra.emulator.identifiers import next_id
from infra.emulator.patches import contract

BROKER_PORT_SASL_IAM = 9098
HTTP_NOT_FOUND = 404
HTTP_CONFLICT = 409


def apply() -> None:
    """Complete moto's MSK backend."""
    from moto.kafka import exceptions, models, responses

    backend, response = models.KafkaBackend, responses.KafkaResponse
    contract.require_absent(response, "get_bootstrap_brokers")
    contract.require_that(isinstance(response.kafka_backend, property), response, "kafka_backend is a property")

    def missing(cluster_arn: str) -> Exception:
        error = exceptions.NotFoundException(f"The requested resource doesn't exist: {cluster_arn}")
        error.code = HTTP_NOT_FOUND
        return error  # type: ignore[no-any-return]

    def known(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def wrapper(self: Any, cluster_arn: str, *args: Any, **kwargs: Any) -> Any:
            if cluster_arn not in self.clusters:
                raise missing(cluster_arn)
            return original(self, cluster_arn, *args, **kwargs)

        return wrapper

    def describing(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def wrapper(self: Any, cluster_arn: str) -> dict[str, Any]:
            self.clusters[cluster_arn].state = "ACTIVE"
            described = dict(original(self, cluster_arn))
            described.pop("activeOperationArn")
            described.pop("stateInfo")
            return described

        return known(wrapper)

    def creating(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def wrapper(self: Any, cluster_name: str, *args: Any, **kwargs: Any) -> Any:
            if any(cluster.cluster_name == cluster_name for cluster in self.clusters.values()):
                error = exceptions.KafkaException(
                    "ConflictException", f"A cluster with the name {cluster_name} already exists."
                )
                error.code = HTTP_CONFLICT
                raise error
            return original(self, cluster_name, *args, **kwargs)

        return wrapper

    def deleting(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def wrapper(self: Any, cluster_arn: str, *args: Any, **kwargs: Any) -> tuple[str, str]:
            original(self, cluster_arn, *args, **kwargs)
            return cluster_arn, "DELETING"

        return known(wrapper)

    def get_bootstrap_brokers(self: Any) -> str:
        cluster_arn = unquote(self.parsed_url.path.split("/clusters/")[-1]).removesuffix("/bootstrap-brokers")
        cluster = self.kafka_backend.clusters.get(cluster_arn)
        if cluster is None:
            raise missing(cluster_arn)
        return json.dumps({"bootstrapBrokerStringSaslIam": bootstrap_brokers(cluster)})

    create = ("self", "cluster_name", "tags", "provisioned", "serverless")
    backend.create_cluster_v2 = creating(contract.require(backend, "create_cluster_v2", create))
    backend.describe_cluster_v2 = describing(contract.require(backend, "describe_cluster_v2", ("self", "cluster_arn")))
    backend.describe_cluster = describing(contract.require(backend, "describe_cluster", ("self", "cluster_arn")))
    backend.delete_cluster = deleting(
        contract.require(backend, "delete_cluster", ("self", "cluster_arn", "current_version"))
    )
    response.get_bootstrap_brokers = get_bootstrap_brokers
    contract.require(models.FakeKafkaCluster, "_generate_arn", ("self",))
    models.FakeKafkaCluster._generate_arn = named  # noqa: SLF001 - the emulator's own seam


def named(cluster: Any) -> str:
    """Gives a new cluster its id, and returns its ARN."""
    cluster.cluster_id = str(next_id("kafka", cluster.account_id, cluster.region_name, cluster.cluster_name))
    return cluster_arn(cluster)


def cluster_arn(cluster: Any) -> str:
    """The ARN of a cluster, in the form of MSK: name, id, and the number of its serverless or provisioned cell."""
    cell = "s1" if cluster.cluster_type == "SERVERLESS" else "1"
    place = f"arn:aws:kafka:{cluster.region_name}:{cluster.account_id}"
    return f"{place}:cluster/{cluster.cluster_name}/{cluster.cluster_id}-{cell}"


def bootstrap_brokers(cluster: Any) -> str:
    """The SASL/IAM endpoint of a cluster, in the form of MSK Serverless; the same for the same ARN."""
    label = sha256(cluster.arn.encode()).hexdigest()[:8]
    return f"boot-{label}.c1.kafka-serverless.{cluster.region_name}.amazonaws.com:{BROKER_PORT_SASL_IAM}"
