"""Answered POST requests with an idempotency key, so that a repeated request changes nothing.

Document: the IETF draft "The Idempotency-Key HTTP Header Field". Each row of the projects table records the
key of one request with the id of the deployment or project in its answer, for 24 hours. The row of a new
project or deployment is written in the transaction that creates it, so a request is never carried out twice.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from runtime.shared.api.idempotency import IdempotencyKeyReusedError, IdempotentRequest
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row, to_attribute_value
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_put_if_expired,
    build_update,
    translate_condition_errors,
)

RETENTION: Final = timedelta(hours=24)
"""How long a key is remembered."""

_SORT_KEY: Final = "IDEMPOTENCY"


class RequestRepeatedError(Exception):
    """A request with the same key was carried out at the same moment."""


@frozen(kw_only=True)
class RecordedAnswer:
    """The answer to an earlier request with the same key.

    Attributes:
        fingerprint: Hash of the request.
        result_id: Id of the project or deployment in the answer.
        replaced_id: Id of the deployment that a promotion replaced. None for other requests.
        expires_at: End of the record in Unix seconds.
    """

    fingerprint: str
    result_id: str
    replaced_id: str | None = None
    expires_at: int


def build_idempotency_put(
    table: str, request: IdempotentRequest, *, result_id: str, at: datetime
) -> dict[str, Any]:
    """Return the operation of a transaction that records an answered request, if it is not recorded yet."""
    row = {
        **_build_key(request),
        "fingerprint": to_attribute_value(request.fingerprint),
        "resultId": to_attribute_value(result_id),
        "expiresAt": to_attribute_value(int((at + RETENTION).timestamp())),
    }
    return {"Put": build_put_if_expired(table, row, key="projectId", at=at)}


@frozen(kw_only=True)
class IdempotencyRepository:
    """Reads and writes of answered requests. Each method makes one DynamoDB call.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the projects table.
    """

    client: DynamoDBClient
    table: str

    def find_owned(self, request: IdempotentRequest, *, at: datetime) -> RecordedAnswer | None:
        """Return the recorded answer to an equal request of the same user, or None.

        Raises:
            IdempotencyKeyReusedError: The key was used for another request.
        """
        answer = self.client.get_item(TableName=self.table, Key=_build_key(request), ConsistentRead=True)
        if "Item" not in answer:
            return None
        found = from_row(answer["Item"], RecordedAnswer)
        if found.expires_at <= at.timestamp():
            return None
        if found.fingerprint != request.fingerprint:
            raise IdempotencyKeyReusedError
        return found

    def record_owned(
        self, request: IdempotentRequest, *, result_id: str, replaced_id: str | None, at: datetime
    ) -> None:
        """Record an answered request. A request that is already recorded does not change."""
        values: dict[str, object] = {"fingerprint": request.fingerprint, "resultId": result_id}
        if replaced_id:
            values["replacedId"] = replaced_id
        values["expiresAt"] = int((at + RETENTION).timestamp())
        write: Mapping[str, Any] = build_update(
            self.table,
            _build_key(request),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            when="attribute_not_exists(#projectId) OR #expiresAt <= :now",
            now=int(at.timestamp()),
            **values,
        )
        try:
            with translate_condition_errors():
                self.client.update_item(**write)
        except ConditionFailedError:
            return


def _build_key(request: IdempotentRequest) -> Item:
    return {"projectId": {"S": f"REQUEST#{request.identity}"}, "sk": {"S": _SORT_KEY}}
