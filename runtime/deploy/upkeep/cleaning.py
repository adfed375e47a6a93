"""The cleaning of sites after the deletion of their projects, so that other tenants can use them.

The resources of a site belong to the site: functions, roles, tables, queues and prefixes of keys. The next
tenant must find nothing of the former one there, and the former one must not reach the next one's. So a freed
site is in quarantine (`repositories/sites.py`), and the collector does two steps:

- stop: When all releases on the site were collected, the functions get placeholder code. From then on, no
  code of the deleted project runs, so nobody gets new credentials of the site's roles.
- clean: At least `QUARANTINE` after the stop, the credentials that were issued before have expired. Then
  everything on the site is removed, and every tenant can use the site.

Each step can be repeated. The next run completes an interrupted step.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Self

from attrs import define, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.errors import SiteUnavailableError
from runtime.deploy.model import Site
from runtime.deploy.releases.assets import build_site_prefix
from runtime.deploy.releases.bundles import build_site_artifacts_prefix
from runtime.deploy.releases.cache_seed import TagRemover, TagsUnprocessedError, build_site_cache_prefix
from runtime.deploy.releases.publishing import FunctionBusyError, FunctionPublisher, PublishError
from runtime.deploy.releases.release_clients import PurgingSQSClient
from runtime.deploy.releases.release_secrets import build_site_secrets_folder
from runtime.deploy.releases.removal import FunctionRemover, ObjectRemover, ObjectsKeptError
from runtime.deploy.repositories.sites import Claim, QuarantineRepository, SiteRepository
from runtime.deploy.repositories.variables import SecretRemover
from runtime.deploy.upkeep.resetting import FunctionResetter
from runtime.shared.aws_errors import is_retryable, read_error_code
from runtime.shared.clock import Clock
from runtime.shared.dynamodb import TransactionConflictError
from runtime.shared.logging import Log

QUARANTINE: Final = timedelta(hours=24)
"""Time between the stop of a site and its cleaning. Credentials of a role are valid for at most 12 hours."""

_TEMPORARY_ERRORS: Final = (
    FunctionBusyError,
    ObjectsKeptError,
    TagsUnprocessedError,
    TransactionConflictError,
)


class _NoTimeLeftError(Exception):
    """The run must end. The next run continues the cleaning."""


@frozen(kw_only=True)
class QueuePurger:
    """The service that removes all messages of a queue.

    Attributes:
        client: SQS client.
    """

    client: PurgingSQSClient

    def purge(self, url: str) -> None:
        """Remove all messages of a queue. SQS does this within a minute."""
        try:
            self.client.purge_queue(QueueUrl=url)
        except ClientError as error:
            # Another purge began in the last minute. Since then, nobody could send a message.
            if "PurgeQueueInProgress" not in read_error_code(error):
                raise


@frozen(kw_only=True)
class SiteContents:
    """Everything on a site that a project leaves behind, and its removal.

    Attributes:
        assets: Removes files and cached pages.
        artifacts: Removes the artifacts of builds, and the zips of functions.
    """

    functions: FunctionResetter
    queues: QueuePurger
    tags: TagRemover
    secrets: SecretRemover
    assets: ObjectRemover
    artifacts: ObjectRemover

    def stop(self, site: Site) -> None:
        """Replace the code of the site's functions, and remove the messages that call them. Idempotent."""
        self.functions.reset(site.server_function, keeps_live_alias=False)
        self.functions.reset(site.image_function, keeps_live_alias=False)
        self.functions.reset(site.revalidation_function, keeps_live_alias=True)
        self.queues.purge(site.revalidation_queue_url)
        if site.revalidation_dead_letter_queue_url:
            self.queues.purge(site.revalidation_dead_letter_queue_url)

    def remove(self, site: Site, check_time: Callable[[], None]) -> tuple[int, int]:
        """Remove everything of a stopped site. Return the numbers of objects and of rows. Idempotent.

        Args:
            site: The site.
            check_time: Called after each batch. Raises an exception if the run must end.
        """
        self.stop(site)
        objects = sum(
            _count(batches, check_time)
            for batches in (
                self.assets.remove_pages(build_site_prefix(site.site)),
                self.assets.remove_pages(build_site_cache_prefix(site.site)),
                self.assets.remove_pages(build_site_secrets_folder(site.site)),
                self.artifacts.remove_pages(build_site_artifacts_prefix(site.site)),
            )
        )
        rows = _count(self.tags.remove_pages(site.tag_table), check_time)
        self.secrets.remove_all(site.secrets_path)
        return objects, rows


@frozen(kw_only=True)
class SiteCleaner:
    """The service that ends the quarantine of sites.

    Attributes:
        clock: Measures the duration of a run, and gives the time of a stop.
    """

    sites: SiteRepository
    quarantine: QuarantineRepository
    contents: SiteContents
    clock: Clock

    @classmethod
    def from_clients(  # noqa: PLR0913 - the arguments of the parts
        cls,
        client: Callable[[str], Any],
        *,
        projects_table: str,
        assets: str,
        artifacts: str,
        clock: Clock,
        pause: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> Self:
        """Return the service with all its parts.

        Args:
            client: Returns boto3's client of a service.
            projects_table: Name of the projects table.
            assets: Name of the bucket of files and caches.
            artifacts: Name of the bucket of build artifacts.
            clock: Returns the current time.
            pause: Sleeps for the given number of seconds.
            jitter: Returns a random number in [0, 1).
        """
        rows, functions = client("dynamodb"), client("lambda")
        return cls(
            sites=SiteRepository(client=rows, table=projects_table),
            quarantine=QuarantineRepository(client=rows, table=projects_table),
            contents=SiteContents(
                functions=FunctionResetter(
                    client=functions,
                    changes=FunctionPublisher(client=functions, pause=pause),
                    remover=FunctionRemover(client=functions),
                ),
                queues=QueuePurger(client=client("sqs")),
                tags=TagRemover(client=rows, pause=pause, jitter=jitter),
                secrets=SecretRemover(client=client("ssm")),
                assets=ObjectRemover(client=client("s3"), bucket=assets),
                artifacts=ObjectRemover(client=client("s3"), bucket=artifacts),
            ),
            clock=clock,
        )

    def clean(
        self, log: Log, *, at: datetime, until: datetime, has_releases: Callable[[str, str], bool]
    ) -> int:
        """Do the next step of each site in quarantine. Return the number of sites with permanent errors.

        Args:
            log: Logger.
            at: Time for which the run was scheduled, so that a late or repeated run removes nothing early.
            until: Time at which the run must end. The next run continues.
            has_releases: Returns whether releases on a site were not collected yet, for the names of the site
                and the id of its deleted project.
        """
        run = _Run(at=at, until=until, clock=self.clock)
        for listed in self.sites.list_all():
            claim = listed.claim
            if claim is None or claim.freed_at is None or has_releases(listed.site.site, claim.claimed_by):
                continue
            bound = log.bind(site=listed.site.site, projectId=claim.claimed_by)
            try:
                run.check_time()
                self._do_next_step(listed.site, claim, run, bound)
            except _NoTimeLeftError:
                bound.warning("no time left: the next run continues the cleaning of sites")
                break
            except SiteUnavailableError:
                bound.info("the quarantine of the site has ended")
            except (ClientError, BotoCoreError, PublishError, *_TEMPORARY_ERRORS) as error:
                run.report(error, bound)
        return run.failed

    def _do_next_step(self, site: Site, claim: Claim, run: "_Run", log: Log) -> None:
        if claim.stopped_at is None:
            claim = self.quarantine.begin(site.site, claim, at=self.clock())
            self.contents.stop(site)
            self.quarantine.record_stop(site.site, claim, at=self.clock())
            log.info("site stopped")
        elif claim.stopped_at + QUARANTINE <= run.at:
            claim = self.quarantine.begin(site.site, claim, at=self.clock())
            objects, rows = self.contents.remove(site, run.check_time)
            self.quarantine.end(site.site, claim)
            log.info("site cleaned", objects=objects, rows=rows)


@define(kw_only=True)
class _Run:
    """The state of one run."""

    at: datetime
    until: datetime
    clock: Clock
    failed: int = 0

    def check_time(self) -> None:
        if self.clock() >= self.until:
            raise _NoTimeLeftError

    def report(self, error: Exception, log: Log) -> None:
        is_temporary = isinstance(error, _TEMPORARY_ERRORS)
        if is_temporary or (isinstance(error, ClientError | BotoCoreError) and is_retryable(error)):
            log.warning("the next run retries", reason=type(error).__name__)
        else:
            log.report_error("a site cannot be cleaned", error)
            self.failed += 1


def _count(batches: Iterable[int], check_time: Callable[[], None]) -> int:
    found = 0
    for number in batches:
        found += number
        check_time()
    return found
