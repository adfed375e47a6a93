"""Errors that concern projects and deployments."""

from runtime.shared.errors import AnchorError, ConflictError, NotFoundError, PreconditionFailedError


class ProjectNotFoundError(NotFoundError):
    """The project does not exist, or belongs to another tenant."""

    def __init__(self) -> None:
        super().__init__("the project does not exist")


class DeploymentNotFoundError(NotFoundError):
    """The deployment does not exist, or belongs to another tenant."""

    def __init__(self) -> None:
        super().__init__("the deployment does not exist")


class SiteNotFoundError(ConflictError):
    """The site is not declared in this stage, or is no longer declared."""

    def __init__(self, site: str) -> None:
        super().__init__(f"site {site!r} is not declared in this stage: add it to the stage's settings")


class DeployKeyNotFoundError(NotFoundError):
    """The project has no deploy key."""

    def __init__(self) -> None:
        super().__init__("the project has no deploy key: `anchor projects key create` creates one")


class NoSshAddressError(ConflictError):
    """The SSH address of the project's repository is unknown."""

    def __init__(self) -> None:
        super().__init__(
            "the SSH address of the repository is unknown, because its URL contains a port, or characters "
            "that an SSH address cannot have: change repositoryUrl to the SSH address"
        )


class SiteUnavailableError(AnchorError):
    """The site is not declared, belongs to another project, or is in quarantine after its last project.

    The error does not say which, because that would reveal other tenants' projects.
    """

    def __init__(self, site: str) -> None:
        super().__init__(f"site {site!r} is not available")


class StaleDeploymentError(ConflictError):
    """The deployment is no longer in the status that a write expects.

    Attributes:
        found: Current status. None if the deployment does not exist, or if another condition of the write
            failed.
    """

    def __init__(self, deployment_id: str, *, to: str, found: str | None) -> None:
        self.deployment_id = deployment_id
        self.found = found
        super().__init__(f"deployment {deployment_id} cannot become {to}: its status is {found or 'unknown'}")


class ProjectChangedError(ConflictError):
    """The project changed between the read and the write."""

    def __init__(self) -> None:
        super().__init__("the project was changed by another request: read it again and repeat")


class VariablesChangedError(PreconditionFailedError):
    """The variables no longer have the version that the request's `If-Match` header names."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the variables were changed: their version is now {version}; read them again")


class ProjectDeletedError(ConflictError):
    """The project is being deleted, or its deletion was interrupted."""

    def __init__(self) -> None:
        super().__init__("the project is being deleted: if that takes longer than a minute, delete it again")


class BuildSlotTakenError(ConflictError):
    """Another deployment of the project is building."""

    def __init__(self, active_build: str) -> None:
        super().__init__(f"deployment {active_build} is building")


class NoBuildCapacityError(ConflictError):
    """The stage already runs its maximum number of concurrent builds."""

    def __init__(self) -> None:
        super().__init__("the stage already runs its maximum number of concurrent builds")


class DuplicateDeliveryError(ConflictError):
    """The webhook delivery was recorded before.

    Attributes:
        deployment_id: Deployment that the first delivery created.
    """

    def __init__(self, deployment_id: str) -> None:
        self.deployment_id = deployment_id
        super().__init__(f"this delivery was recorded before: it created deployment {deployment_id}")


class SwitchRefusedError(ConflictError):
    """An automatic release cannot become live.

    The live release is newer, or the project is pinned or is being deleted.

    Attributes:
        reason: A sentence for logs and users.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class ProjectPinnedError(SwitchRefusedError):
    """An automatic release cannot become live, because the project is pinned to another release."""

    def __init__(self, live: str | None) -> None:
        super().__init__(
            f"the project is pinned to deployment {live}: promote this deployment to make it live"
        )


class SwitchOvertakenError(ConflictError):
    """Another switch moved the live pointer to another release before this switch was finished.

    The error is also raised if the deletion of the project has removed the live pointer.
    """

    def __init__(self, deployment_id: str, live: str | None) -> None:
        super().__init__(f"deployment {deployment_id} was overtaken: the live deployment is now {live}")


def describe_newer_live(deployment_id: str | None) -> str:
    """Return the reason why an older deployment does not go live."""
    return f"deployment {deployment_id} is newer and already live"


class DeploymentInProgressError(ConflictError):
    """A project cannot be deleted while one of its deployments is in progress."""

    def __init__(self, deployment_id: str, status: str) -> None:
        super().__init__(
            f"deployment {deployment_id} is {status}: cancel it or wait for its end, then delete the project"
        )


class ReleaseInUseError(ConflictError):
    """The release cannot be collected: it is live, is being promoted, or was already collected."""

    def __init__(self, deployment_id: str) -> None:
        super().__init__(f"deployment {deployment_id} is in use, or was already collected")


class ReleaseCollectedError(ConflictError):
    """The release was collected, so it cannot be promoted."""

    def __init__(self, deployment_id: str) -> None:
        super().__init__(
            f"deployment {deployment_id} was removed, because the project only keeps its newest releases: "
            "deploy its commit again"
        )


class NotReleasedError(ConflictError):
    """The deployment has no successful release, so it cannot be promoted."""

    def __init__(self, deployment_id: str, status: str) -> None:
        super().__init__(
            f"deployment {deployment_id} is {status}: "
            "only a deployment that was built and released successfully can be promoted"
        )
