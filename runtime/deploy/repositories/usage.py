"""What each tenant uses of the stage, and the conditions that keep it below the tenant's quotas.

The row `USAGE` in a tenant's own partition of the projects table contains the ids of the tenant's projects
and queued deployments. It is only written in the transactions that create, move or delete them. The row
contains sets of ids instead of numbers. So a repeated write changes nothing, and no crash makes it wrong.

Rows of periods count what costs money: manual deployments in an hour, and seconds of builds on a day.
"""

import math
from datetime import datetime
from typing import Any, Final, Protocol, Self

from attrs import frozen

from runtime.deploy.model import Deployment
from runtime.shared.aws import Item
from runtime.shared.dynamodb import (
    build_attribute_names,
    build_attribute_values,
    build_condition_check,
    build_update,
)
from runtime.shared.errors import QuotaExceededError, TooManyRequestsError
from runtime.shared.windows import Window

_USAGE: Final = "USAGE"
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


class QuotaVariables(Protocol):
    """The variables of a function with the quotas of each tenant for deployments."""

    @property
    def max_queued_deployments(self) -> str: ...  # noqa: D102 - variables are named by their type
    @property
    def max_build_minutes_per_day(self) -> str: ...  # noqa: D102 - as above
    @property
    def max_manual_deployments_per_hour(self) -> str: ...  # noqa: D102 - as above


@frozen(kw_only=True)
class DeploymentLimits:
    """The quotas of a tenant that limit new deployments.

    Attributes:
        queued: Maximum number of queued deployments, of all projects of the tenant together.
        build_minutes: Maximum minutes of builds that end on a day.
        manual: Maximum number of manual deployments in an hour.
    """

    queued: int
    build_minutes: int
    manual: int

    @classmethod
    def from_environment(cls, environment: QuotaVariables) -> Self:
        """Return the quotas in the variables of a function."""
        return cls(
            queued=int(environment.max_queued_deployments),
            build_minutes=int(environment.max_build_minutes_per_day),
            manual=int(environment.max_manual_deployments_per_hour),
        )


def add_project_operation(table: str, user_id: str, project_id: str, *, limit: int | None) -> dict[str, Any]:
    """Return the transaction operation that counts a project of a tenant.

    Args:
        table: Name of the projects table.
        user_id: The tenant.
        project_id: The project.
        limit: Maximum number of projects, including this one. If None, the number is not checked.
    """
    write = _build_usage_update(table, user_id, "ADD #projects :projects", projects={"SS": [project_id]})
    if limit is not None:
        when = "attribute_not_exists(#projects) OR size(#projects) < :limit OR contains(#projects, :project)"
        _add_condition(write, when, limit=limit, project=project_id)
    return {"Update": write}


def remove_project_operation(table: str, user_id: str, project_id: str) -> dict[str, Any]:
    """Return the transaction operation that no longer counts a project."""
    return {
        "Update": _build_usage_update(
            table, user_id, "DELETE #projects :projects", projects={"SS": [project_id]}
        )
    }


def add_queued_operation(table: str, deployment: Deployment, *, limit: int | None) -> dict[str, Any]:
    """Return the transaction operation that counts a queued deployment and its project.

    A project that was created by an earlier version of the platform is counted from its next deployment on.

    Args:
        table: Name of the projects table.
        deployment: The deployment.
        limit: Maximum number of the tenant's queued deployments, including this one. If None, the number is
            not checked.
    """
    write = _build_usage_update(
        table,
        deployment.user_id,
        "ADD #queued :queued, #projects :projects",
        queued={"SS": [deployment.deployment_id]},
        projects={"SS": [deployment.project_id]},
    )
    if limit is not None:
        when = "attribute_not_exists(#queued) OR size(#queued) < :limit OR contains(#queued, :deployment)"
        _add_condition(write, when, limit=limit, deployment=deployment.deployment_id)
    return {"Update": write}


def remove_queued_operation(table: str, deployment: Deployment) -> dict[str, Any]:
    """Return the transaction operation that no longer counts a deployment as queued."""
    return {
        "Update": _build_usage_update(
            table,
            deployment.user_id,
            "DELETE #queued :queued",
            queued={"SS": [deployment.deployment_id]},
        )
    }


def create_project_quota_error(usage: Item, *, limit: int) -> QuotaExceededError:
    """Return the error for a project that its tenant's usage row refused."""
    return QuotaExceededError(
        "projects",
        used=_count(usage, "projects"),
        limit=limit,
        advice="delete a project, or ask an operator of the stage for a higher quota",
    )


def create_queue_quota_error(usage: Item, *, limit: int) -> QuotaExceededError:
    """Return the error for a deployment that its tenant's usage row refused."""
    return QuotaExceededError(
        "queued deployments",
        used=_count(usage, "queued"),
        limit=limit,
        advice="cancel some of them, or wait until they have been built",
    )


def add_build_operation(table: str, deployment: Deployment, *, at: datetime) -> dict[str, Any]:
    """Return the transaction operation that adds the time of an ended build to the day of its tenant.

    Args:
        table: Name of the projects table.
        deployment: The `building` deployment, as read. Its `updated_at` is the start of its build.
        at: End of the build.
    """
    window = _build_day(at)
    seconds = max(0, math.ceil((at - deployment.updated_at).total_seconds()))
    change = "ADD #seconds :seconds SET #expiresAt = :end"
    return {
        "Update": {
            "TableName": table,
            "Key": _build_key(deployment.user_id, window.sort_key),
            "UpdateExpression": change,
            "ExpressionAttributeNames": build_attribute_names(change),
            "ExpressionAttributeValues": build_attribute_values(seconds=seconds, end=window.ends_at),
        }
    }


def check_build_minutes_operation(table: str, user_id: str, *, limit: int, at: datetime) -> dict[str, Any]:
    """Return the transaction operation that checks the minutes of a tenant's builds on this day.

    Args:
        table: Name of the projects table.
        user_id: The tenant.
        limit: Maximum number of minutes.
        at: Current time.
    """
    return build_condition_check(
        table,
        _build_key(user_id, _build_day(at).sort_key),
        when="attribute_not_exists(#seconds) OR #seconds < :limit",
        limit=limit * _MINUTE,
    )


def count_manual_operation(table: str, user_id: str, *, limit: int, at: datetime) -> dict[str, Any]:
    """Return the transaction operation that counts a manual deployment of a tenant in this hour."""
    return count_in_window_operation(table, _build_partition(user_id), _build_hour(at), limit=limit)


def create_build_minutes_error(*, limit: int, at: datetime) -> TooManyRequestsError:
    """Return the error for a deployment after too many minutes of builds."""
    return TooManyRequestsError(
        "build minutes", limit=limit, period="a day", retry_after=_build_day(at).remaining
    )


def create_manual_error(*, limit: int, at: datetime) -> TooManyRequestsError:
    """Return the error for too many manual deployments."""
    return TooManyRequestsError(
        "manual deployments", limit=limit, period="an hour", retry_after=_build_hour(at).remaining
    )


def count_in_window_operation(table: str, partition: str, window: Window, *, limit: int) -> dict[str, Any]:
    """Return the transaction operation that counts a request, if less than `limit` were counted before.

    Args:
        table: Name of the projects table.
        partition: Partition key of the row that counts.
        window: The period in which the requests are counted.
        limit: Maximum number of requests.
    """
    change = "ADD #count :one SET #expiresAt = :end"
    when = "attribute_not_exists(#count) OR #count < :limit"
    return {
        "Update": build_update(
            table,
            {"projectId": {"S": partition}, "sk": {"S": window.sort_key}},
            change,
            when=when,
            one=1,
            end=window.ends_at,
            limit=limit,
        )
    }


def _count(usage: Item, name: str) -> int:
    return len(usage.get(name, {"SS": ()})["SS"])


def _build_day(at: datetime) -> Window:
    return Window(kind="BUILDS", seconds=_DAY, at=at)


def _build_hour(at: datetime) -> Window:
    return Window(kind="MANUAL", seconds=_HOUR, at=at)


def _build_partition(user_id: str) -> str:
    return f"USER#{user_id}"


def _build_key(user_id: str, sk: str) -> Item:
    return {"projectId": {"S": _build_partition(user_id)}, "sk": {"S": sk}}


def _build_usage_update(table: str, user_id: str, change: str, **by_name: Any) -> dict[str, Any]:  # noqa: ANN401 - DynamoDB values
    return {
        "TableName": table,
        "Key": _build_key(user_id, _USAGE),
        "UpdateExpression": change,
        "ExpressionAttributeNames": build_attribute_names(change),
        "ExpressionAttributeValues": {f":{name}": value for name, value in by_name.items()},
    }


def _add_condition(write: dict[str, Any], when: str, **by_name: object) -> None:
    write["ConditionExpression"] = when
    write["ExpressionAttributeValues"] |= build_attribute_values(**by_name)
    write["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
