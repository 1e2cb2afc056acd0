"""Which hosts are AWS: the public endpoints of a region's partition, and VPC endpoints that somebody named.

A run on AWS must not end at an emulator because a variable or a profile of the user says so. So the clients take
their endpoints from the SDK's own data alone, and each request is held to the partition's domains before it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from infra.errors import Problem, SubstrateError
from infra.service_models import shared_loader

_HTTPS_PORT: Final = 443
_S3_FORMS: Final = r"(?:(?:bucket|accesspoint|control)\.)?"
"""What may stand before the id of a VPC endpoint of S3."""


class NotAwsError(SubstrateError):
    """A client of AWS was about to send a request to a host that is not AWS's; it was not sent."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of AWS.

    Attributes:
        name: Its name, such as `aws`.
        suffixes: The domains of its services.
    """

    name: str
    suffixes: tuple[str, ...]


def partition_of(region: str) -> Partition:
    """The partition that a region belongs to, by the SDK's own list of regions.

    Raises:
        SubstrateError: There is no such region.
    """
    for partition in shared_loader().load_data("partitions")["partitions"]:
        if region in partition["regions"] and not region.endswith("-global"):
            outputs = partition["outputs"]
            return Partition(partition["id"], (outputs["dnsSuffix"], outputs["dualStackDnsSuffix"]))
    raise SubstrateError(
        fact=f"the SDK knows no AWS region {region!r}",
        place="AWS_REGION of the handle registry",
        remedy="pin a region that exists; for one that is new, update boto3",
    )


def only_aws(partition: Partition) -> Callable[..., None]:
    """What stops a request that would leave for a host outside a partition, whatever made its URL."""

    def refuse(request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        host = (parts.hostname or "").rstrip(".")
        if _plainly_https(parts) and host.endswith(tuple(f".{suffix}" for suffix in partition.suffixes)):
            return
        raise NotAwsError(
            fact="a client of AWS was about to send a request to a host that is not AWS's",
            place=f"{request.method} {parts.scheme}://{parts.netloc}",
            remedy="nothing was sent; a VPC endpoint is named with --aws-endpoint, an emulator is no AWS",
        )

    return refuse


def vpc_endpoints(named: Iterable[str], region: str) -> dict[str, str]:
    """The VPC endpoints that a user named, by service.

    Args:
        named: `SERVICE=URL` each; the service by its boto3 name.
        region: The region that the clients speak to; an endpoint of another one is refused.

    Raises:
        SubstrateError: Something named is no VPC endpoint of that service and region; all of them are listed.
    """
    suffix = partition_of(region).suffixes[0]
    found: dict[str, str] = {}
    problems = []
    for text in named:
        service, _, url = text.partition("=")
        label = _endpoint_prefix(service)
        if label is None:
            problems.append((text, f"{service!r} is no service that boto3 knows"))
        elif service in found:
            problems.append((text, f"{service} is named twice"))
        elif not _is_vpc_endpoint(url, label, region, suffix):
            problems.append((text, f"{url!r} is no VPC endpoint of {label} in {region}"))
        found[service] = url
    if problems:
        form = f"https://vpce-ID.SERVICE.{region}.vpce.{suffix}"
        raise SubstrateError(
            problems=[Problem(fact, f"--aws-endpoint {text}", f"write SERVICE={form}") for text, fact in problems]
        )
    return found


def shown(endpoints: Mapping[str, str]) -> str:
    """Which kind of endpoints a run on AWS uses, as evidence names it."""
    return ", ".join(["public", *(f"{service}={url}" for service, url in sorted(endpoints.items()))])


def _is_vpc_endpoint(url: str, label: str, region: str, suffix: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = _plainly_https(parts)
    except ValueError:
        return False
    host = rf"{_S3_FORMS if label == 's3' else ''}vpce-[0-9a-z-]+\.{re.escape(f'{label}.{region}.vpce.{suffix}')}"
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    return plain and bare and re.fullmatch(host, parts.hostname or "") is not None


def _plainly_https(parts: SplitResult) -> bool:
    return parts.scheme == "https" and parts.username is None and parts.port in (None, _HTTPS_PORT)


def _endpoint_prefix(service: str) -> str | None:
    loader = shared_loader()
    if service not in loader.list_available_services("service-2"):
        return None
    return str(loader.load_service_model(service, "service-2", api_version=None)["metadata"]["endpointPrefix"])
