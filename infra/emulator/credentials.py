"""Whose access key it is: a world's own key, signed with the secret of the process, or one that the emulator issued."""

# ruff: noqa: PLC0415 - the emulator is imported by the process that runs it, and as late as it can be

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, Final

from infra.emulator.aws_request import is_account_id

SECRET_LENGTH: Final = 40
"""Characters of a secret access key, as AWS makes them."""
ROLE_SESSION_SECONDS: Final = 43_200
"""How long the credentials of a running function or task hold: the longest session of a role."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs a request.

    Attributes:
        access_key: The access key id.
        secret_key: The secret access key.
        session_token: What must go with the key; None for a key that lasts.
    """

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def secret_key(token: str) -> str:
    """The secret access key of every world of a process: derived from its token, so that it does not tell it.

    Args:
        token: The token of the state file.
    """
    return hmac.new(token.encode(), b"aws secret access key", hashlib.sha256).hexdigest()[:SECRET_LENGTH]


class Keys:
    """The access keys that a process accepts.

    Args:
        secret: The secret access key of the worlds.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def find(self, access_key: str, account_id: str) -> Credentials | None:
        """The credentials of a key that is accepted now; None of one that is unknown, inactive or expired.

        Args:
            access_key: The key.
            account_id: The account that the emulator finds it in.
        """
        if is_account_id(access_key):
            return Credentials(access_key, self._secret)
        return _issued(access_key, account_id)


def for_role(role_arn: str, region: str, session_name: str) -> Credentials:
    """Credentials of a role, as a function or a task of a state machine gets them.

    Args:
        role_arn: The role; its account is the one that is acted in.
        region: The region of the function or the state machine.
        session_name: The name of the role's session.
    """
    from moto.sts.models import sts_backends
    from moto.utilities.utils import get_partition

    role = sts_backends[role_arn.split(":")[4]][get_partition(region)].assume_role(
        region_name=region,
        role_session_name=session_name,
        role_arn=role_arn,
        policy="",
        duration=ROLE_SESSION_SECONDS,
        external_id="",
    )
    return Credentials(role.access_key_id, role.secret_access_key, role.session_token)


def _issued(access_key: str, account_id: str) -> Credentials | None:
    from moto.core.utils import utcnow
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    for partition, backend in list(iam_backends[account_id].items()):
        key: Any = backend.access_keys.get(access_key)
        if key is None or key.status != "Active":
            continue
        if key.role_arn is None:
            return Credentials(access_key, key.secret_access_key)
        role = sts_backends[account_id][partition].get_assumed_role_from_access_key(access_key)
        if role is not None and utcnow() < role.expiration:
            return Credentials(access_key, role.secret_access_key, role.session_token)
    return None
