"""A moto client that allows one call at a time.

moto reads, checks and writes a row without a lock. So two threads could both pass a condition. DynamoDB,
ministack and dynalite serialize the calls on one row. Calls of different writers still interleave. The race
tests check this.
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
