"""A moto client that allows one call at a time.

moto reads, checks and writes a row without a lock. So two threads could both pass the same condition. With
this client, moto processes one call after the other, as DynamoDB, ministack and dynalite do for one row.
Other writers can still make calls between two calls of a writer. The race tests need this.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

from attrs import Factory, define


@define
class OneAtATime:
    """A client that holds a lock during each call."""

    _client: Any
    _lock: Any = Factory(Lock)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._client, operation)

        def call_with_lock(**arguments: object) -> object:
            with self._lock:
                return call(**arguments)

        return call_with_lock
