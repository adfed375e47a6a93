"""What can stand in the way of a project or a deployment, by name."""

from runtime.shared.errors import AnchorError, ConflictError, NotFoundError


class ProjectNotFoundError(NotFoundError):
    """No such project, or another tenant's."""

    def __init__(self) -> None:
        super().__init__("no such project")


class DeploymentNotFoundError(NotFoundError):
    """No such deployment, or another tenant's."""

    def __init__(self) -> None:
        super().__init__("no such deployment")


class SiteNotFoundError(ConflictError):
    """The program declares no such site (any more)."""

    def __init__(self, site: str) -> None:
        super().__init__(f"site {site!r} is not declared in this stage: add it to the stage's settings")


class SiteUnavailableError(AnchorError):
    """The site is not declared, or already another project's: the two are not told apart (A5)."""

    def __init__(self, site: str) -> None:
        super().__init__(f"site {site!r} is not available")


class StaleDeploymentError(ConflictError):
    """A deployment is no longer in the status that a write expects: someone else moved it on (P7).

    Attributes:
        found: Its present status, or None where the write could not tell.
    """

    def __init__(self, deployment_id: str, *, to: str, found: str | None) -> None:
        self.deployment_id = deployment_id
        self.found = found
        super().__init__(f"deployment {deployment_id} cannot become {to}: it is {found or 'elsewhere'}")


class ProjectChangedError(ConflictError):
    """The project changed between being read and being written."""

    def __init__(self) -> None:
        super().__init__("the project changed at the same moment: read it again and repeat")


class ProjectDeletedError(ConflictError):
    """The project is being deleted, which a crash may have broken off."""

    def __init__(self) -> None:
        super().__init__("the project is being deleted: delete it again if that takes longer than a minute")


class BuildSlotTakenError(ConflictError):
    """Another deployment of the project is building."""

    def __init__(self, active_build: str) -> None:
        super().__init__(f"deployment {active_build} is building")


class BuildRoomTakenError(ConflictError):
    """As many builds run in the stage as may."""

    def __init__(self) -> None:
        super().__init__("as many builds run as may at the same time")


class DeliveryRepeatedError(ConflictError):
    """This very delivery was recorded before (P3).

    Attributes:
        deployment_id: The deployment that it made.
    """

    def __init__(self, deployment_id: str) -> None:
        self.deployment_id = deployment_id
        super().__init__(f"this delivery made deployment {deployment_id}")


class SwitchRefusedError(ConflictError):
    """An automatic release may not replace what is live: that is newer, or pinned (P8, D5).

    Attributes:
        reason: A sentence for logs and users.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class SwitchOvertakenError(ConflictError):
    """Between the pointer's write and the end of the switch another release took the pointer."""

    def __init__(self, deployment_id: str, live: str | None) -> None:
        super().__init__(f"deployment {deployment_id} was overtaken: the site now leads to {live}")


class DeploymentUnderWayError(ConflictError):
    """A project is not deleted while one of its deployments is under way."""

    def __init__(self, deployment_id: str, status: str) -> None:
        super().__init__(
            f"deployment {deployment_id} is {status}: cancel it or wait until it has ended, then delete the"
            " project"
        )


class ReleaseInUseError(ConflictError):
    """A release is not to be collected: a site leads to it, or it was taken up before."""

    def __init__(self, deployment_id: str) -> None:
        super().__init__(f"deployment {deployment_id} is in use, or was collected meanwhile")


class ReleaseCollectedError(ConflictError):
    """A release is not kept any more, so it cannot be promoted (D6)."""

    def __init__(self, deployment_id: str) -> None:
        super().__init__(
            f"deployment {deployment_id} is no longer kept, as it is none of the project's newest releases: "
            "deploy its commit again"
        )


class NotReleasedError(ConflictError):
    """A deployment that was never live cannot be promoted (D5)."""

    def __init__(self, deployment_id: str, status: str) -> None:
        super().__init__(
            f"deployment {deployment_id} is {status}: only one that is or was live can be promoted"
        )
