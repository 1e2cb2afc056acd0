"""Ids of resources that follow from where they are made, and under which name, instead of from chance.

A world that the same code builds again then has the same API, the same cluster and the same handles, so evidence about
it stands in the next session, which starts a substrate of its own. What is deleted and made again within a process
gets another id, as on AWS.
"""

from __future__ import annotations

import threading
from collections import Counter
from uuid import NAMESPACE_URL, UUID, uuid5

_made: Counter[str] = Counter()
_turn = threading.Lock()


def next_id(service: str, account_id: str, region: str, name: str) -> UUID:
    """The id of the resource that is about to be made; the n-th of a name has the same one in every process.

    Args:
        service: Whose resource it is, such as `kafka`.
        account_id: The account that it is made in.
        region: The region that it is made in.
        name: Its name; there may be several of one name.
    """
    place = f"arn:aws:{service}:{region}:{account_id}:{name}"
    with _turn:
        number = _made[place]
        _made[place] += 1
    return uuid5(NAMESPACE_URL, f"{place}#{number}")
