"""The collector: it removes releases that are no longer kept.

The collector works in two steps, at least an hour apart. First the release is withdrawn: its row is marked,
so that the release cannot be promoted, and the edge no longer serves the release's host. An hour later, no
edge location and probably no open page uses the release any more. Then the release's functions and files are
deleted. Hashed assets (`_next/static/`) are shared by the releases of a project, and are deleted with the
project. Rows of the tag table are only deleted when the site is cleaned: no query can list those of a
release, and each row is one revalidated tag. The claims of stale pages expire.

After the releases, the collector cleans the sites of deleted projects (`cleaning.py`).

Each step is idempotent. The next run completes an interrupted step.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    ProjectNotFoundError,
    ReleaseInUseError,
)
from runtime.deploy.model import EDGE_STORE_MEASURED, Deployment, Site
from runtime.deploy.releases.assets import build_project_prefix, build_release_prefix
from runtime.deploy.releases.cache_seed import build_cache_prefix, build_former_cache_prefix
from runtime.deploy.releases.edge_store import EdgeBusyError, EdgeStore
from runtime.deploy.releases.publishing import build_release_alias
from runtime.deploy.releases.release_secrets import build_release_secrets_folder
from runtime.deploy.releases.removal import FunctionRemover, ObjectRemover, ObjectsKeptError
from runtime.deploy.releases.withdrawal import ReleaseWithdrawal, find_release_host
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.retention import HeldRelease, RetentionRepository, find_collectable_releases
from runtime.deploy.upkeep.cleaning import SiteCleaner
from runtime.shared.aws_errors import is_retryable
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.logging import Log

GRACE_PERIOD: Final = timedelta(hours=1)
"""How long a withdrawn release keeps its functions and files."""

_MAX_RUN_TIME: Final = timedelta(minutes=12)  # the function's timeout is 15 minutes
_TEMPORARY_ERRORS: Final = (EdgeBusyError, ObjectsKeptError, TransactionConflictError)


class CollectionFailedError(Exception):
    """Some releases or sites could not be removed because of permanent errors, which are in the log."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"{failed} releases or sites could not be removed")


@define(kw_only=True)
class _Run:
    """The releases that are not collected yet, and the failures of a run.

    Attributes:
        projects: Project of each release, by deployment.
        sites: Site of each release whose deployment was read, by deployment.
        is_complete: Whether the run had time for all releases, and could read their deployments.
    """

    projects: dict[str, str]
    sites: dict[str, str] = field(factory=dict[str, str])
    failed: int = 0
    is_complete: bool = True

    def has_releases(self, site: str, project_id: str) -> bool:
        """Return whether releases on a site, or of its deleted project, are not collected yet.

        The releases of earlier projects on the site are also in `sites`, because the run has read the
        deployments of all releases that are no longer kept.
        """
        return not self.is_complete or site in self.sites.values() or project_id in self.projects.values()

    def forget(self, deployment_id: str) -> None:
        """Remove a release that does not exist any more."""
        self.projects.pop(deployment_id, None)
        self.sites.pop(deployment_id, None)


@frozen(kw_only=True)
class Collector:
    """The service that collects releases.

    Attributes:
        cleaner: Cleans the sites of deleted projects.
        kept_releases: Number of newest releases that each project keeps.
        clock: Measures the duration of a run. Whether a grace period is over depends on the
            time for which the run was scheduled.
    """

    deployments: DeploymentRepository
    retention: RetentionRepository
    withdrawal: ReleaseWithdrawal
    edge: EdgeStore
    functions: FunctionRemover
    objects: ObjectRemover
    cleaner: SiteCleaner
    kept_releases: int
    clock: Clock

    def collect(self, log: Log, *, at: datetime) -> None:
        """Do the next step of the collection of each release that is no longer kept, and clean sites.

        Stops after `_MAX_RUN_TIME`, and the next run continues.

        Args:
            log: Logger.
            at: Time for which the run was scheduled, so that a late or repeated run removes nothing early.

        Raises:
            CollectionFailedError: Some releases or sites could not be removed because of permanent errors.
        """
        until = self.clock() + _MAX_RUN_TIME
        held = self.retention.list_held_releases()
        run = _Run(projects={each.deployment_id: each.project_id for each in held})
        due = tuple(_find_due_releases(held, kept=self.kept_releases, at=at))
        self._collect_releases(due, run, log, at=at, until=until)
        failed = run.failed
        failed += self.cleaner.clean(log, at=at, until=until, has_releases=run.has_releases)
        log.info("collection done", held=len(held), due=len(due), failed=failed)
        size = self.edge.measure()
        log.info(EDGE_STORE_MEASURED, keys=size.keys, bytes=size.bytes)
        if failed:
            raise CollectionFailedError(failed)

    def _collect_releases(
        self, due: Sequence[HeldRelease], run: _Run, log: Log, *, at: datetime, until: datetime
    ) -> None:
        for number, each in enumerate(due):
            if self.clock() >= until:
                log.warning("no time left: the next run continues", left=len(due) - number)
                run.is_complete = False
                break
            bound = log.bind(projectId=each.project_id, deploymentId=each.deployment_id)
            try:
                self._do_next_step(each, run, bound, at=at)
            except DeploymentNotFoundError as error:
                run.forget(each.deployment_id)
                bound.info("not collected", reason=str(error))
            except ReleaseInUseError as error:
                bound.info("not collected", reason=str(error))
            except (ClientError, BotoCoreError, *_TEMPORARY_ERRORS) as error:
                if isinstance(error, ClientError | BotoCoreError) and not is_retryable(error):
                    bound.report_error("a release cannot be collected", error)
                    run.failed += 1
                else:
                    bound.warning("the next run retries", reason=type(error).__name__)
                run.is_complete &= each.deployment_id in run.sites

    def _do_next_step(self, held: HeldRelease, run: _Run, log: Log, *, at: datetime) -> None:
        deployment = self.deployments.get(held.project_id, held.deployment_id)
        run.sites[deployment.deployment_id] = deployment.site
        if deployment.collected_at is None:
            self.withdrawal.withdraw_unused_release(held, deployment, at=at)
            log.info("release withdrawn", status=deployment.status)
            return
        site = self.withdrawal.find_site(deployment)
        if self.withdrawal.remove_host(deployment, site):
            # An earlier run marked the release, but was interrupted before it removed the host from the edge.
            # So the grace period starts now.
            self.retention.mark_collected(deployment, at=at)
            log.info("release withdrawn again")
        elif deployment.collected_at + GRACE_PERIOD <= at:
            objects = self._remove_files_and_versions(deployment, site)
            self.retention.clear_release(deployment)
            run.forget(deployment.deployment_id)
            log.info("collected", objects=objects)

    def _remove_files_and_versions(self, deployment: Deployment, site: Site | None) -> int:
        files = build_release_prefix(deployment)
        host = find_release_host(deployment, site)
        if host:
            public = f"{files}{deployment.release.base_path or ''}" if deployment.release else files
            entries = self.objects.list_entries(public)
            self.edge.remove_file_keys(host, [name for name in entries if name != "_next/"])
        if site:  # Pulumi deletes the functions of an undeclared site with all versions
            self._remove_versions(site, deployment)
        prefix = build_project_prefix(deployment) if self._is_project_deleted(deployment) else files
        folders = (
            prefix,
            build_cache_prefix(deployment),
            build_former_cache_prefix(deployment),
            build_release_secrets_folder(deployment),
        )
        return sum(self.objects.remove(folder) for folder in folders)

    def _is_project_deleted(self, deployment: Deployment) -> bool:
        try:
            self.withdrawal.projects.get(deployment.project_id)
        except ProjectNotFoundError:
            return True
        return False

    def _remove_versions(self, site: Site, deployment: Deployment) -> None:
        alias = build_release_alias(deployment.deployment_id)
        self.functions.remove(site.server_function, alias, has_url=True)
        self.functions.remove(site.image_function, alias, has_url=True)
        self.functions.remove(site.revalidation_function, alias, has_url=False)


def _find_due_releases(held: Sequence[HeldRelease], *, kept: int, at: datetime) -> Iterator[HeldRelease]:
    """Yield the releases for a run: first the withdrawn ones, then those that are no longer kept."""
    by_project: dict[str, list[HeldRelease]] = defaultdict(list)
    for each in held:
        if each.collected_at is None:
            by_project[each.project_id].append(each)
        elif each.collected_at <= at:
            yield each
    for project in by_project.values():
        yield from find_collectable_releases(project, kept=kept)
