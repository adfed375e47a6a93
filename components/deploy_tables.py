"""The designs of the deploy platform's tables (T5, T6)."""

from typing import Final

from components.table import Index, Key, TableDesign

_USER_ID: Final = Key("userId")

PROJECTS: Final = TableDesign(
    # One partition holds what belongs to one project: its METADATA row and the webhook deliveries it has had.
    # `SITE#<site>` partitions say what Pulumi made for a site and which project claimed it.
    partition=Key("projectId"),
    sort=Key("sk"),
    indexes=(
        Index(
            name="UserIdIndex",
            partition=_USER_ID,
            sort=Key("createdAt"),
            why="the projects of a user, by creation time",
        ),
    ),
    tenant="userId",
    expires="expiresAt",
)

DEPLOYMENTS: Final = TableDesign(
    # A deployment's id is a ULID, so the sort key alone lists newest first.
    partition=Key("projectId"),
    sort=Key("deploymentId"),
    indexes=(
        Index(
            name="DeploymentIdIndex",
            partition=Key("deploymentId"),
            why="one deployment, by the id alone that its URL carries",
        ),
        Index(
            name="UserIdIndex",
            partition=_USER_ID,
            sort=Key("deploymentId"),
            why="the deployments of a user over all projects, newest first",
        ),
    ),
    tenant="userId",
)
