"""AWS clients of one account: the embedded substrate's, which cannot leave the loopback, or real ones.

Everything that talks to AWS gets a `Clients` and asks it for a service; nothing else creates a boto3 client. So
the two promises of a run have one place each: an embedded run sends no byte beyond this machine, and a run on
AWS happens only where somebody built `Clients.aws`.
"""

# ruff: noqa: PLC0415 - the SDK is imported by the first client, so that importing this module stays cheap

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from infra.aws_endpoints import only_aws, partition_of, vpc_endpoints
from infra.errors import InfraError, SubstrateError
from infra.sensitive import Report, secrets_of, secrets_sent
from infra.service_models import shared_loader

SubstrateKind = Literal["embedded", "aws"]

DEFAULT_REGION = "eu-west-2"
ACCOUNT_ID_DIGITS = 12

NO_SECRET_KEY = "none"  # noqa: S105 - signs for a server that checks no signature; the substrate refuses it
CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 15.0
MAX_POOL_CONNECTIONS = 32
AWS_CONNECT_TIMEOUT_SECONDS = 10.0
AWS_TOTAL_MAX_ATTEMPTS = 4


class OutsideLoopbackError(SubstrateError):
    """An embedded client was about to send a request to another machine; it was not sent."""


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine by a loopback address or as `localhost`."""
    host = urlsplit(url).hostname
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Clients:
    """The boto3 clients of one account in one region; thread-safe, each client is made once.

    Build one with `Clients.embedded` or `Clients.aws`. Importing this module imports no SDK; the first client
    does.

    Attributes:
        substrate: `embedded` or `aws`.
        region: The region that every client speaks to.
        endpoint_url: The embedded substrate's endpoint; None on AWS.
        profile: The shared-configuration profile on AWS; None for the default chain.
        vpc_endpoints: The VPC endpoints that were named for services on AWS, by service.
        ca_bundle: The file of certificates that was named for AWS; None for the public authorities.
    """

    def __init__(
        self,
        *,
        substrate: SubstrateKind,
        region: str,
        account_id: str | None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        vpc_endpoints: Mapping[str, str] = MappingProxyType({}),
        ca_bundle: Path | None = None,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        secret_key: str = NO_SECRET_KEY,
    ) -> None:
        self.substrate = substrate
        self.region = region
        self.endpoint_url = endpoint_url
        self.profile = profile
        self.vpc_endpoints = vpc_endpoints
        self.ca_bundle = ca_bundle
        self._account_id = account_id
        self._read_timeout = read_timeout
        self._secret_key = secret_key
        self._lock = threading.RLock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._report: Report | None = None

    @classmethod
    def embedded(
        cls,
        endpoint_url: str,
        account_id: str,
        region: str = DEFAULT_REGION,
        *,
        secret_key: str = NO_SECRET_KEY,
        read_timeout: float = READ_TIMEOUT_SECONDS,
    ) -> Clients:
        """Clients of one account of the embedded substrate.

        The access key is the account id, which is how the substrate tells worlds apart. No request is tried
        twice: what the emulator answers first is the fact. The user's AWS configuration files, profile and
        proxies play no part.

        Args:
            endpoint_url: The substrate's endpoint; must be a loopback address.
            account_id: Twelve digits.
            region: The region of every client.
            secret_key: What signs every request: the secret of the substrate process, which refuses any other.
            read_timeout: Seconds to wait for an answer.

        Raises:
            OutsideLoopbackError: The endpoint names another machine.
            InfraError: The account id is not twelve digits.
        """
        if not is_loopback(endpoint_url):
            raise OutsideLoopbackError(
                fact="the embedded substrate must listen on this machine's loopback",
                place=f"endpoint {endpoint_url}",
                remedy="use the endpoint that `phasegate substrate status` prints, or choose --substrate=aws",
            )
        if not (len(account_id) == ACCOUNT_ID_DIGITS and account_id.isascii() and account_id.isdigit()):
            raise InfraError(
                fact="an account id is twelve digits",
                place=f"account id {account_id!r}",
                remedy="pass an id such as 000000000000",
            )
        return cls(
            substrate="embedded",
            region=region,
            account_id=account_id,
            endpoint_url=endpoint_url.rstrip("/"),
            read_timeout=read_timeout,
            secret_key=secret_key,
        )

    @classmethod
    def aws(
        cls,
        region: str,
        profile: str | None = None,
        *,
        endpoints: Iterable[str] = (),
        ca_bundle: Path | None = None,
    ) -> Clients:
        """Clients of real AWS by the ordinary credential chain, with standard, bounded retries.

        Only credentials, profile and proxies come from the user's environment. Endpoints and certificates that it
        configures (`AWS_ENDPOINT_URL` and its kin, `AWS_CA_BUNDLE`) play no part: an emulator would pass for AWS.
        A proxy may stay, because TLS ends at AWS behind it.

        Args:
            region: The region of every client.
            profile: A profile of the shared configuration.
            endpoints: VPC endpoints, `SERVICE=URL` each.
            ca_bundle: A file of certificates to trust in place of the public authorities.

        Raises:
            SubstrateError: There is no such region, an endpoint is no VPC endpoint of its service, or the file of
                certificates is not there.
        """
        partition_of(region)
        if ca_bundle is not None and not ca_bundle.is_file():
            raise SubstrateError("the file of certificates is not there", str(ca_bundle), "name one in PEM")
        named = vpc_endpoints(endpoints, region)
        return cls(
            substrate="aws",
            region=region,
            account_id=None,
            profile=profile,
            vpc_endpoints=named,
            ca_bundle=ca_bundle,
        )

    @property
    def account_id(self) -> str:
        """The account that the clients act in; on AWS asked of STS once.

        Raises:
            SubstrateError: AWS does not tell whose credentials these are.
        """
        with self._lock:
            if self._account_id is None:
                self._account_id = self._ask_account_id()
            return self._account_id

    def client(self, service: str) -> Any:
        """The client of one service, by its boto3 name, made on first use.

        Raises:
            SubstrateError: boto3 knows no such service, or the user's configuration cannot be used.
        """
        with self._lock:
            found = self._clients.get(service)
            if found is None:
                found = self._clients[service] = self._make_client(service)
            return found

    def environment(self) -> dict[str, str]:
        """The variables that give a child process, the AWS CLI or an SDK the same account and endpoint.

        They are meant to replace every other `AWS_*` variable.
        """
        if self.substrate == "embedded":
            return embedded_environment(str(self.endpoint_url), self.region, self.account_id, self._secret_key)
        region = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        strict = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
        return region | strict | ({"AWS_PROFILE": self.profile} if self.profile is not None else {})

    def report_secrets(self, report: Report) -> None:
        """Hands on, from now on, every secret value that one of the clients reads or writes, and their own keys.

        It is taken from the calls themselves, so that it is known before whoever made the call has it.

        Args:
            report: Takes the name and the value of a secret; called again for one that is read again.
        """
        self._report = report
        if self._secret_key != NO_SECRET_KEY:
            self.secret("the key of the embedded substrate", self._secret_key)

    def secret(self, name: str, value: str) -> None:
        """Hands on a value that is secret though the kind of what holds it does not say so."""
        if self._report is not None:
            self._report(name, value)

    def close(self) -> None:
        """Close every connection; the object stays usable and opens new ones."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for made in clients.values():
            made.close()

    def _ask_account_id(self) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError, OSError, ValueError) as error:
            raise SubstrateError(
                fact=f"AWS does not tell which account these credentials belong to: {error}",
                place=f"sts:GetCallerIdentity in {self.region}, profile {self.profile or 'default'}",
                remedy="sign in (`aws sts get-caller-identity` must answer) or pass another profile",
            ) from error

    def _make_client(self, service: str) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        try:
            if self._session is None:
                self._session = self._make_session()
            if self.substrate == "aws":
                config = Config(
                    retries={"mode": "standard", "total_max_attempts": AWS_TOTAL_MAX_ATTEMPTS},
                    connect_timeout=AWS_CONNECT_TIMEOUT_SECONDS,
                    max_pool_connections=MAX_POOL_CONNECTIONS,
                )
                return self._session.client(
                    service,
                    endpoint_url=self.vpc_endpoints.get(service),
                    verify=True if self.ca_bundle is None else str(self.ca_bundle),
                    config=config,
                )
            config = Config(
                retries={"mode": "standard", "total_max_attempts": 1},
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=self._read_timeout,
                max_pool_connections=MAX_POOL_CONNECTIONS,
                proxies={},  # an empty mapping, not None: None would take HTTP_PROXY from the environment
                s3={"addressing_style": "path"},
            )
            return self._session.client(
                service,
                endpoint_url=self.endpoint_url,
                config=config,
                aws_access_key_id=self.account_id,
                aws_secret_access_key=self._secret_key,
            )
        except (BotoCoreError, OSError, ValueError) as error:
            raise SubstrateError(
                fact=f"no client for the service {service!r} can be made: {error}",
                place=f"substrate {self.substrate}, region {self.region}",
                remedy="use a boto3 service name; on AWS check the profile and the credentials",
            ) from error

    def _report_sent(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        for name, value in secrets_sent(model.service_model.service_name, model.name, params):
            self.secret(name, value)

    def _report_read(self, core: Any, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        if self._report is None:
            return
        for name, value in secrets_of(model.service_model.service_name, parsed):
            self.secret(name, value)
        credentials = core.get_credentials() if self.substrate == "aws" else None
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            for name, value in (("the session's secret key", frozen.secret_key), ("its token", frozen.token)):
                if value:
                    self.secret(name, value)

    def _make_session(self) -> Any:
        import boto3
        import botocore.session

        # Each is config file name, environment variable, default, converter: none but the default counts.
        if self.substrate == "aws":
            # Set for the session, so that the clients that fetch credentials obey it as well.
            core = botocore.session.Session(
                session_vars={"ignore_configured_endpoint_urls": (None, None, True, None)}, profile=self.profile
            )
            core.register("before-send", only_aws(partition_of(self.region)), unique_id="phasegate-aws")
        else:
            # A profile of the user, or one that does not exist, changes nothing.
            nothing_of_the_user = {
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
            core = botocore.session.Session(session_vars=nothing_of_the_user)
            core.register("before-send", _refuse_outside_loopback, unique_id="phasegate-loopback")
        core.register_component("data_loader", shared_loader())
        core.register("provide-client-params", self._report_sent, unique_id="phasegate-secrets-sent")
        core.register("after-call", partial(self._report_read, core), unique_id="phasegate-secrets-read")
        return boto3.Session(botocore_session=core, region_name=self.region)


def embedded_environment(
    endpoint_url: str, region: str, access_key: str, secret_key: str, session_token: str | None = None
) -> dict[str, str]:
    """The variables that point an SDK or the AWS CLI at the embedded substrate, and at nothing of the user's.

    Args:
        endpoint_url: The substrate's endpoint.
        region: The region.
        access_key: The access key.
        secret_key: The secret that goes with it.
        session_token: The session token that goes with it, where the key is one of a role.
    """
    token = {} if session_token is None else {"AWS_SESSION_TOKEN": session_token}
    return token | {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _refuse_outside_loopback(request: Any, **_: Any) -> None:
    """Stop a request that leaves this machine, whatever made its URL (a redirect, an ARN, a configured host)."""
    if not is_loopback(request.url):
        raise OutsideLoopbackError(
            fact="an embedded client was about to send a request to another machine",
            place=f"{request.method} {urlsplit(request.url).netloc}",
            remedy="nothing was sent; real AWS is reached only with --substrate=aws",
        )
