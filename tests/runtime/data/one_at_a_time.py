"""A client for moto that lets one call at a time through.

moto reads, checks and writes a row without a lock: two threads in it at once could both find a condition to
hold. DynamoDB serves the calls of one row one after the other, and so do ministack and dynalite by
themselves. Calls of different writers still come in any order, which is what a race is about.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

from attrs import Factory, define


@define
class OneAtATime:
    _client: Any
    _lock: Any = Factory(Lock)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._client, operation)

        def locked(**arguments: object) -> object:
            with self._lock:
                return call(**arguments)

        return locked
