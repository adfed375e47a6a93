"""The operations of signed-in users on projects and deployments.

Each method takes the user id first. It treats projects and deployments of other tenants as missing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from runtime.deploy.api.auditing import AuditLog
from runtime.deploy.api.project_input import NewDeployment, NewProject, ProjectChanges
from runtime.deploy.api.variables import VariableService
from runtime.deploy.audit.model import PLATFORM, Action, Origin, describe_fields
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.builds.build_logs import BuildLogs, LogLine
from runtime.deploy.builds.cancelling import Cancellation
from runtime.deploy.builds.pushing import create_next_deployment, describe_deployment
from runtime.deploy.builds.repository_address import RepositoryAddress
from runtime.deploy.errors import DeploymentNotFoundError, SiteUnavailableError
from runtime.deploy.function_logs.reading import FunctionLogPage, FunctionLogs, LogFilter
from runtime.deploy.messages import BuildQueue
from runtime.deploy.model import Commit, Deployment, Project, Site, Source, Status
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.idempotency import IdempotencyRepository, RequestRepeatedError
from runtime.deploy.repositories.lists import ListRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.sites import OfferedSite, SiteRepository
from runtime.deploy.repositories.transaction_retries import DEFAULT_RETRIER, TransactionRetrier
from runtime.deploy.repositories.usage import DeploymentLimits
from runtime.shared.api.changes import read_changed_fields
from runtime.shared.api.idempotency import IdempotentRequest
from runtime.shared.clock import Clock
from runtime.shared.converters import to_camel_case
from runtime.shared.errors import FieldProblem, InvalidInputError
from runtime.shared.ids import IdGenerator
from runtime.shared.pages import Page
from runtime.shared.signing import Signer

_MAX_HOST_KEYS: Final = 10
_DEPLOYMENTS_IN_LOG: Final = 50
"""Number of the newest deployments whose messages in a run-time log get the id of the deployment."""


@frozen(kw_only=True)
class CreatedProject:
    """A new project, with the webhook settings that are shown only once.

    Attributes:
        webhook_url: Payload URL for GitHub.
        webhook_secret: Signing secret for GitHub.
    """

    project: Project
    site: Site | None
    webhook_url: str
    webhook_secret: str = field(repr=False)


@frozen(kw_only=True)
class ProjectService:
    """The service of projects and deployments for their owner.

    Attributes:
        variables: The service of the projects' environment variables.
        audit: Builds the entries of the audit log.
        audit_log: The service that reads the audit log.
        requests: Repository of the answered requests with idempotency keys.
        cancellation: Returns the cancellation service. Only called by a cancel request, because creating its
            clients takes time.
        build_queue: Returns the build queue. Only called when needed, for the same reason.
        logs: Returns the service of build logs. Only called when needed, for the same reason.
        function_logs: Returns the service of run-time logs. Only called when needed, for the same reason.
        api_endpoint: URL of this API, without a trailing slash.
        max_projects: Maximum number of projects of each tenant.
        limits: Quotas of each tenant for deployments.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    lists: ListRepository
    sites: SiteRepository
    variables: VariableService
    audit: AuditTrail
    audit_log: AuditLog
    requests: IdempotencyRepository
    cancellation: Callable[[], Cancellation]
    build_queue: Callable[[], BuildQueue]
    logs: Callable[[], BuildLogs]
    function_logs: Callable[[], FunctionLogs]
    signer: Signer
    ids: IdGenerator
    clock: Clock
    api_endpoint: str
    max_projects: int
    limits: DeploymentLimits
    retrier: TransactionRetrier = DEFAULT_RETRIER

    def create_project(
        self,
        user_id: str,
        new: NewProject,
        *,
        request: IdempotentRequest | None = None,
        origin: Origin = PLATFORM,
    ) -> CreatedProject:
        """Create a project and bind it to its site.

        Makes two DynamoDB calls, and one more for a request with an idempotency key. One call reads the
        site's row, which only Pulumi writes. The last one is a transaction.

        Args:
            user_id: The tenant.
            new: The new project.
            request: The request with its idempotency key. If it was carried out before, its project is
                returned.
            origin: Where the request came from, for the audit log.

        Raises:
            ProjectNotFoundError: The request was carried out before, and its project was deleted.
            IdempotencyKeyReusedError: The idempotency key was used for another request.
            InvalidInputError: The site is not declared, or is not available. The error does not say
                which of the two is true. Or there are too many host keys.
            QuotaExceededError: The tenant has the maximum number of projects.
        """
        _check_number_of_host_keys(new.host_keys)
        at = self.clock()
        if request and (answered := self.requests.find_owned(request, at=at)):
            return self._find_created_project(user_id, answered.result_id)
        project = Project(
            project_id=self.ids(),
            user_id=user_id,
            name=new.name,
            site=new.site,
            repository_url=new.repository_url,
            branch=new.branch,
            root_directory=new.root_directory,
            security_headers=new.security_headers,
            host_keys=new.host_keys,
            created_at=at,
            updated_at=at,
        )
        # Derive the secret before the project is created. If the derivation failed later, the useless project
        # would occupy its site.
        secret = self.signer.derive_webhook_secret(project.project_id, project.webhook_version)
        # Read the site first, so that nothing can fail after the transaction. Only the transaction decides
        # whether the site is available. So the request takes equally long for undeclared and for taken sites.
        site = self.projects.get_sites({new.site}).get(new.site)
        entry = self.audit.build_user_entry(
            Action.PROJECT_CREATE,
            user_id=user_id,
            project_id=project.project_id,
            origin=origin,
            at=at,
            changes=describe_fields(
                {
                    "name": project.name,
                    "site": project.site,
                    "repositoryUrl": project.repository_url,
                    "branch": project.branch,
                }
            ),
        )
        try:
            self.projects.create(project, limit=self.max_projects, request=request, entry=entry)
        except RequestRepeatedError:
            # The key was recorded after the read above. A read of it now finds the project.
            return self.create_project(user_id, new, request=request, origin=origin)
        except SiteUnavailableError:
            problem = "is not available: choose a site that the list of sites shows as available"
            raise InvalidInputError(FieldProblem(field="site", problem=problem)) from None
        return self._build_created_project(project, site, secret)

    def _find_created_project(self, user_id: str, project_id: str) -> CreatedProject:
        project, site = self.get_project(user_id, project_id)
        secret = self.signer.derive_webhook_secret(project.project_id, project.webhook_version)
        return self._build_created_project(project, site, secret)

    def _build_created_project(self, project: Project, site: Site | None, secret: str) -> CreatedProject:
        return CreatedProject(
            project=project,
            site=site,
            webhook_url=f"{self.api_endpoint}/webhook/{project.project_id}",
            webhook_secret=secret,
        )

    def list_sites(self, user_id: str) -> tuple[OfferedSite, ...]:
        """Return all sites of the stage, as a user sees them.

        Makes three DynamoDB calls, and one more for each further 50 sites.
        """
        owned = self.lists.list_owned_sites(user_id)
        return tuple(
            OfferedSite(
                site=listed.site,
                project_id=listed.project_id if listed.project_id == owned.get(listed.site.site) else None,
                is_available=listed.is_available_to(user_id),
            )
            for listed in self.sites.list_all()
        )

    def get_project(self, user_id: str, project_id: str) -> tuple[Project, Site | None]:
        """Return a project and its site. The site is None if it is no longer declared.

        Makes two DynamoDB calls: one for the project, and one for the site. The project's row does not
        contain the site's host, because the host can change.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
        """
        project = self.projects.get_owned(user_id, project_id)
        sites = self.projects.get_sites({project.site})
        return project, sites.get(project.site)

    def change_project(
        self, user_id: str, project_id: str, changes: ProjectChanges, *, origin: Origin = PLATFORM
    ) -> tuple[Project, Site | None]:
        """Change a project, and return it with its site.

        A new repository, branch or root directory applies to later pushes and builds. If the new repository
        is on another host, host keys that are not in the changes are removed, because they belong to the old
        host. Makes three DynamoDB calls: a transaction, and the two of `get_project`. One more call reads the
        old repository, if the changes contain a repository without host keys.

        Args:
            user_id: The tenant.
            project_id: User input.
            changes: The changes.
            origin: Where the request came from, for the audit log.

        Raises:
            InvalidInputError: There is nothing to change, `pinned` is true, or there are too many host keys.
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            ProjectChangedError: Another request changed the repository at the same time.
            ProjectDeletedError: The project is being deleted.
        """
        given = read_changed_fields(changes)
        if given.get("pinned"):
            problem = "must be false, which allows automatic releases again; promote a deployment to pin it"
            raise InvalidInputError(FieldProblem(field="pinned", problem=problem))
        _check_number_of_host_keys(given.get("host_keys", ()))
        read_url = None
        if "repository_url" in given and "host_keys" not in given:
            read_url = self.projects.get_owned(user_id, project_id).repository_url
            hosts = {RepositoryAddress.parse(url).host for url in (read_url, given["repository_url"])}
            if len(hosts) > 1:
                given = {**given, "host_keys": ()}
        at = self.clock()
        entry = self.audit.build_user_entry(
            Action.PROJECT_UPDATE,
            user_id=user_id,
            project_id=project_id,
            origin=origin,
            at=at,
            changes=describe_fields({to_camel_case(name): value for name, value in given.items()}),
        )
        project = self.projects.change_owned(
            user_id, project_id, given, at=at, read_url=read_url, entry=entry
        )
        return project, self.projects.get_sites({project.site}).get(project.site)

    def list_projects(
        self, user_id: str, *, limit: int, cursor: str | None
    ) -> Page[tuple[Project, Site | None]]:
        """Return a page of projects with their sites, newest first. Makes two DynamoDB calls.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        page = self.lists.list_projects(user_id, limit=limit, cursor=cursor)
        sites = self.projects.get_sites({project.site for project in page.items})
        return Page(
            items=tuple((project, sites.get(project.site)) for project in page.items), cursor=page.cursor
        )

    def list_deployments(
        self,
        user_id: str,
        project_id: str,
        *,
        statuses: Collection[Status],
        limit: int,
        cursor: str | None,
    ) -> tuple[Project, Page[Deployment]]:
        """Return a project, and a page of its deployments, newest first.

        Makes two DynamoDB calls, and up to four more if statuses are given. The first one reads the project,
        because an empty list does not show whether the project belongs to the tenant.

        Args:
            user_id: The tenant.
            project_id: User input.
            statuses: Only deployments with one of these statuses are listed. If empty, all are listed.
            limit: Maximum number of deployments.
            cursor: Cursor of the previous page.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            MalformedError: The cursor does not belong to this list.
        """
        project = self.projects.get_owned(user_id, project_id)
        if statuses:
            return project, self.lists.list_deployments_with_status(
                user_id, project.project_id, statuses, limit=limit, cursor=cursor
            )
        return project, self.lists.list_deployments(user_id, project.project_id, limit=limit, cursor=cursor)

    def get_deployment(self, user_id: str, deployment_id: str) -> Deployment:
        """Return a deployment.

        Raises:
            DeploymentNotFoundError: The deployment does not exist, or belongs to another tenant.
        """
        return self.deployments.get_owned(user_id, deployment_id)

    def deploy(
        self,
        user_id: str,
        project_id: str,
        wanted: NewDeployment,
        *,
        request: IdempotentRequest | None = None,
        origin: Origin = PLATFORM,
    ) -> Deployment:
        """Queue a manual deployment of a commit or of a branch's head.

        For a branch's head, the build determines the commit.

        Makes two DynamoDB calls: one reads the project, and one is a transaction. One more call looks for a
        request with an idempotency key.

        Args:
            user_id: The tenant.
            project_id: User input.
            wanted: The branch or the commit.
            request: The request with its idempotency key. If it was carried out before, its deployment is
                returned.
            origin: Where the request came from, for the audit log.

        Raises:
            InvalidInputError: The request is empty.
            IdempotencyKeyReusedError: The idempotency key was used for another request.
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            ProjectChangedError: Concurrent deployments made every attempt fail.
            ProjectDeletedError: The project is being deleted.
            QuotaExceededError: The tenant has the maximum number of queued deployments.
            TooManyRequestsError: The tenant has used the build minutes of this day, or the manual deployments
                of this hour.
        """
        given = read_changed_fields(wanted)
        commit = Commit(sha=given.get("commit_sha"), message=given.get("message", ""))
        project = self.projects.get_owned(user_id, project_id)
        if request and (answered := self.requests.find_owned(request, at=self.clock())):
            deployment = self.deployments.get(project.project_id, answered.result_id)
            if deployment.status is Status.QUEUED:
                # Send the message again, in case the first request was interrupted before it sent it.
                self.build_queue().send(deployment)
            return deployment

        def create_deployment(project: Project) -> Deployment:
            return Deployment.queued(
                project,
                commit,
                deployment_id=self.ids(),
                source=Source.MANUAL,
                at=self.clock(),
                branch=given.get("branch"),
            )

        def build_entry(deployment: Deployment) -> Mapping[str, Any]:
            return self.audit.build_user_entry(
                Action.DEPLOYMENT_START,
                user_id=user_id,
                project_id=project_id,
                origin=origin,
                at=deployment.created_at,
                target_id=deployment.deployment_id,
                changes=describe_deployment(deployment),
            )

        try:
            deployment = create_next_deployment(
                self.deployments,
                project,
                create_deployment,
                limits=self.limits,
                retrier=self.retrier,
                request=request,
                build_entry=build_entry,
            )
        except RequestRepeatedError:
            # The key was recorded after the read above. A read of it now finds the deployment.
            return self.deploy(user_id, project_id, wanted, request=request, origin=origin)
        self.build_queue().send(deployment)
        return deployment

    def read_build_log(
        self, user_id: str, deployment_id: str, *, limit: int, cursor: str | None
    ) -> Page[LogLine]:
        """Return a page of a deployment's build log. See `BuildLogs.read_page`.

        Raises:
            DeploymentNotFoundError: The deployment does not exist, or belongs to another tenant.
            MalformedError: The cursor does not belong to this log.
            ArchivedLogError: The log must be restored first, which takes hours.
            UnavailableError: CloudWatch is throttled.
        """
        deployment = self.deployments.get_owned(user_id, deployment_id)
        return self.logs().read_page(deployment, limit=limit, cursor=cursor)

    def read_function_log(
        self, user_id: str, project_id: str, wanted: LogFilter, *, limit: int, cursor: str | None
    ) -> FunctionLogPage:
        """Return a page of the run-time log of a project's site. See `FunctionLogs.read_page`.

        Makes three DynamoDB calls: for the project, its site and its newest deployments. One more call reads
        the wanted deployment.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            DeploymentNotFoundError: The project has no such deployment.
            SiteNotFoundError: The site is no longer declared.
            NoReleaseError: The wanted deployment has no release.
            MalformedError: The cursor does not belong to this log.
            UnavailableError: CloudWatch is throttled.
        """
        project = self.projects.get_owned(user_id, project_id)
        newest = self.lists.list_deployments(user_id, project.project_id, limit=_DEPLOYMENTS_IN_LOG)
        deployments = newest.items
        if wanted.deployment_id is not None:
            deployment = self.deployments.get_owned(user_id, wanted.deployment_id)
            if deployment.project_id != project.project_id:
                raise DeploymentNotFoundError
            deployments = (deployment, *deployments)
        site = self.projects.get_site(project.site)
        return self.function_logs().read_page(
            project, site, wanted, deployments=deployments, limit=limit, cursor=cursor
        )

    def cancel(
        self,
        user_id: str,
        deployment_id: str,
        *,
        request: IdempotentRequest | None = None,
        origin: Origin = PLATFORM,
    ) -> Deployment:
        """Cancel a deployment whose release has not started. See `Cancellation.cancel`.

        To cancel twice has the same effect as to cancel once. So the idempotency key only detects another
        request with the same key, and is recorded after the cancellation.

        Raises:
            IdempotencyKeyReusedError: The idempotency key was used for another request.
            DeploymentNotFoundError: The deployment does not exist, or belongs to another tenant.
            StaleDeploymentError: The release has started, or the deployment has ended.
        """
        if request and (answered := self.requests.find_owned(request, at=self.clock())):
            return self.deployments.get_owned(user_id, answered.result_id)
        cancelled = self.cancellation().cancel(user_id, deployment_id, origin=origin)
        if request:
            self.requests.record_owned(request, result_id=deployment_id, replaced_id=None, at=self.clock())
        return cancelled


def _check_number_of_host_keys(host_keys: Sequence[str]) -> None:
    if len(host_keys) > _MAX_HOST_KEYS:
        problem = f"must have at most {_MAX_HOST_KEYS} entries"
        raise InvalidInputError(FieldProblem(field="hostKeys", problem=problem))
