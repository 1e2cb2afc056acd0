"""Summaries carry the digest of their own content, so that a hand's edit of one is found without any other file.

The member `"content":{"sha256":…}` of a summary is the SHA-256 of its canonical bytes without that member. It
finds an edit by mistake or by hand; an edit by somebody who computes it anew is found by the digests that the
summaries of later gates name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phasegate.evidence.canonical import canonical, sha256

FIELD = "content"
_BLANK = "0" * 64


def sealed(document: Mapping[str, Any], *, name: str) -> bytes:
    """The canonical bytes of a document with the digest of its content in it.

    Args:
        document: The document without the field `content`; some of its keys come behind that one in order, and
            none of the objects before it has such a member.
        name: What the document is, for messages.

    Raises:
        EvidenceError: The document is not JSON.
    """
    data = canonical({**document, FIELD: {"sha256": _BLANK}}, name=name)
    return data.replace(_member(_BLANK), _member(sha256(_without(data, _BLANK))), 1)


def is_intact(document: Mapping[str, Any], data: bytes) -> bool:
    """Whether a document has the content that its own digest names; true where it carries none.

    Args:
        document: The parsed document.
        data: Its canonical bytes.
    """
    if FIELD not in document:
        return True
    content = document[FIELD]
    digest = content.get("sha256") if isinstance(content, dict) else None
    return isinstance(digest, str) and sha256(_without(data, digest)) == digest


def _member(digest: str) -> bytes:
    return f'"{FIELD}":{{"sha256":"{digest}"}},'.encode()


def _without(data: bytes, digest: str) -> bytes:
    return data.replace(_member(digest), b"", 1)
