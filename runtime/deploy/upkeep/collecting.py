"""Collection: what becomes of releases that are not kept any more (D6).

In two steps, at least an hour apart. First the release is taken from the visitors: its row says so, which no
promote gets past, and its host leads nowhere. Only when every edge and every page that is open has had its
hour to notice, its functions and files go. Hashed assets (`_next/static/`) are shared by the releases of a
project, and go with it. Rows of the tag table are shared by all releases of a site, and stay.

Every step can be repeated. What broke off is taken up by the next run.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    ProjectNotFoundError,
    ReleaseInUseError,
    SiteNotFoundError,
)
from runtime.deploy.model import Deployment, Site
from runtime.deploy.releases.assets import project_prefix, release_prefix
from runtime.deploy.releases.cache_seed import cache_prefix
from runtime.deploy.releases.edge_store import EdgeBusyError, EdgeStore, release_host
from runtime.deploy.releases.publishing import release_alias
from runtime.deploy.releases.removal import FunctionRemover, ObjectRemover, ObjectsKeptError
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.retention import HeldRelease, RetentionRepository, beyond
from runtime.shared.aws_errors import is_retryable
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.logging import Log

GRACE: Final = timedelta(hours=1)
"""How long a release that is taken from the visitors keeps its functions and files."""

_LONGEST_RUN: Final = timedelta(minutes=12)  # the function may take 15
_PASSING: Final = (BotoCoreError, EdgeBusyError, ObjectsKeptError, TransactionConflictError)


class CollectionFailedError(Exception):
    """Some releases could not be collected, for reasons that do not pass by themselves; the log has them."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"{failed} releases could not be collected")


@frozen(kw_only=True)
class Withdrawal:
    """Takes releases from the visitors: the first step, which needs neither Lambda nor S3."""

    projects: ProjectRepository
    retention: RetentionRepository
    edge: EdgeStore

    def take(self, held: HeldRelease, deployment: Deployment, *, at: datetime) -> None:
        """Take a release from the visitors that no one uses. Repeatable.

        Raises:
            ReleaseInUseError: Its project's site leads to it, or it was taken before.
            EdgeBusyError: The edge's store was too busy; the row says already that it is collected.
        """
        site = self.site(deployment)
        # The rows decide; should someone have changed the edge by hand, this keeps the site up.
        if site and self.edge.find_release_of_host(site.host) == deployment.deployment_id:
            raise ReleaseInUseError(deployment.deployment_id)
        self.retention.take(held, at=at)
        self.withdraw(deployment, site)

    def give_up(self, deployment: Deployment, *, at: datetime) -> None:
        """Take a release of a project that is being deleted from the visitors, live or not. Repeatable.

        Its functions and files go with the collection's runs from an hour later on. The site's own host,
        which may lead to it, is the caller's to withdraw first (`EdgeStore.withdraw`).

        Raises:
            DeploymentNotFoundError: There is no such deployment any more.
            EdgeBusyError: The edge's store was too busy.
        """
        self.retention.mark(deployment, at=at)
        self.withdraw(deployment, self.site(deployment))

    def withdraw(self, deployment: Deployment, site: Site | None) -> bool:
        """Let a release's own host lead nowhere, and return whether it led somewhere."""
        host = host_of(deployment, site)
        return host is not None and bool(self.edge.remove_host(host))

    def site(self, deployment: Deployment) -> Site | None:
        """Return the deployment's site, or None when the program declares it no more."""
        try:
            return self.projects.site(deployment.site)
        except SiteNotFoundError:
            return None


@frozen(kw_only=True)
class Collector:
    """Collects releases.

    Attributes:
        kept: How many of its newest releases a project keeps.
        clock: For how long a run takes; what is due is a question of the time it is told.
    """

    deployments: DeploymentRepository
    retention: RetentionRepository
    withdrawal: Withdrawal
    edge: EdgeStore
    functions: FunctionRemover
    objects: ObjectRemover
    kept: int
    clock: Clock

    def run(self, log: Log, *, at: datetime) -> None:
        """Go one step further with every release that is not kept, as long as there is time.

        Args:
            log: For what happens.
            at: Now, as the schedule knows it: a late or repeated call takes nothing early.

        Raises:
            CollectionFailedError: Something is wrong that will not pass by itself.
        """
        until = self.clock() + _LONGEST_RUN
        held = self.retention.held()
        failed = 0
        for number, each in enumerate(due := tuple(_due(held, kept=self.kept, at=at))):
            if self.clock() >= until:
                log.warning("the rest is left to the next run", left=len(due) - number)
                break
            bound = log.bind(projectId=each.project_id, deploymentId=each.deployment_id)
            try:
                self._further(each, bound, at=at)
            except (DeploymentNotFoundError, ReleaseInUseError) as kept:
                bound.info("not collected", reason=str(kept))
            except (ClientError, *_PASSING) as error:
                if isinstance(error, ClientError) and not is_retryable(error):
                    bound.failure("a release cannot be collected", error)
                    failed += 1
                else:
                    bound.warning("left to the next run", reason=type(error).__name__)
        log.info("collection done", held=len(held), due=len(due), failed=failed)
        if failed:
            raise CollectionFailedError(failed)

    def _further(self, held: HeldRelease, log: Log, *, at: datetime) -> None:
        deployment = self.deployments.get(held.project_id, held.deployment_id)
        if deployment.collected_at is None:
            self.withdrawal.take(held, deployment, at=at)
            log.info("taken from the visitors", status=deployment.status)
            return
        site = self.withdrawal.site(deployment)
        if self.withdrawal.withdraw(deployment, site):
            # An earlier try broke off before the edge: its hour begins now.
            self.retention.mark(deployment, at=at)
            log.info("taken from the visitors at last")
        elif deployment.collected_at + GRACE <= at:
            objects = self._remove(deployment, site)
            self.retention.finish(deployment)
            log.info("collected", objects=objects)

    def _remove(self, deployment: Deployment, site: Site | None) -> int:
        files = release_prefix(deployment)
        host = host_of(deployment, site)
        if host:
            public = f"{files}{deployment.release.base_path or ''}" if deployment.release else files
            entries = self.objects.list_names(public)
            self.edge.remove_file_keys(host, [name for name in entries if name != "_next/"])
        if site:  # without one, Pulumi has deleted its functions with all that they had
            self._remove_versions(site, deployment)
        cached = cache_prefix(deployment.site, deployment.deployment_id)
        of_its_project = project_prefix(deployment) if self._is_of_nobody(deployment) else files
        return self.objects.remove(of_its_project) + self.objects.remove(cached)

    def _is_of_nobody(self, deployment: Deployment) -> bool:
        try:
            self.withdrawal.projects.get(deployment.project_id)
        except ProjectNotFoundError:
            return True
        return False

    def _remove_versions(self, site: Site, deployment: Deployment) -> None:
        alias = release_alias(deployment.deployment_id)
        self.functions.remove(site.server_function, alias, has_url=True)
        self.functions.remove(site.image_function, alias, has_url=True)
        self.functions.remove(site.revalidation_function, alias, has_url=False)


def host_of(deployment: Deployment, site: Site | None) -> str | None:
    """Return the host of a deployment's release, or None where nothing is left to tell it."""
    if deployment.release:
        return deployment.release.host
    return release_host(deployment.deployment_id, site.host) if site else None


def _due(held: Sequence[HeldRelease], *, kept: int, at: datetime) -> Iterator[HeldRelease]:
    """Yield what a run has to do with: what was begun first, then what is not kept."""
    by_project: dict[str, list[HeldRelease]] = defaultdict(list)
    for each in held:
        if each.collected_at is None:
            by_project[each.project_id].append(each)
        elif each.collected_at <= at:
            yield each
    for project in by_project.values():
        yield from beyond(project, kept=kept)
