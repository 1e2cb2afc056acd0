"""Whose bucket it is: names are global, in the emulator as in AWS, and what lies behind one is its owner's.

The emulator lets any account into any bucket. Here nobody but the owner gets in: what a bucket policy would grant to
another account is not granted.
"""

# ruff: noqa: PLC0415 - the emulator is imported by the process that runs it, and as late as it can be

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from infra.emulator.aws_request import AwsRequest

COPY_SOURCE = "HTTP_X_AMZ_COPY_SOURCE"


def foreign_bucket(request: AwsRequest, account_id: str, environ: Mapping[str, Any]) -> str | None:
    """The bucket of another account that a request would get into; None where it names none.

    Args:
        request: A request to the emulator's S3.
        account_id: The account that it acts in.
        environ: Its WSGI environment.
    """
    from moto.s3.models import s3_backends

    owners = s3_backends.bucket_accounts
    bucket, _, key = request.path.removeprefix("/").partition("/")
    named = [bucket]
    if COPY_SOURCE in environ:
        named.append(_source(str(environ[COPY_SOURCE])))
    if request.method == "PUT" and not key and not environ.get("QUERY_STRING"):
        named.remove(bucket)  # creating a bucket whose name is taken is a conflict, which S3 says itself
    return next((name for name in named if name in owners and owners[name][1] != account_id), None)


def _source(text: str) -> str:
    """The bucket that a copy reads from: the first segment of a path, which may be a URL's or start with a slash."""
    return unquote(urlsplit(unquote(text)).path).removeprefix("/").partition("/")[0]
