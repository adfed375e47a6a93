"""What a signed-in user does with projects and deployments (A1-A5).

Every method takes the user's id first and finds nothing of another tenant.
"""

from collections.abc import Callable, Sequence

from attrs import field, frozen

from runtime.deploy.api.project_input import NewDeployment, NewProject, ProjectChanges
from runtime.deploy.builds.build_logs import BuildLogs, LogLine
from runtime.deploy.builds.cancelling import Cancellation
from runtime.deploy.builds.pushing import record_next
from runtime.deploy.errors import ProjectDeletedError, ProjectNotFoundError, SiteUnavailableError
from runtime.deploy.messages import BuildQueue
from runtime.deploy.model import Commit, Deployment, Project, Site, Source
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.lists import ListRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.variables import NewVariable, SecretStore, replaced
from runtime.shared.api.changes import read_changed_fields
from runtime.shared.clock import Clock
from runtime.shared.errors import FieldProblem, InvalidInputError
from runtime.shared.ids import IdGenerator
from runtime.shared.pages import Page
from runtime.shared.signing import Signer


@frozen(kw_only=True)
class CreatedProject:
    """A new project, with what is shown only once.

    Attributes:
        webhook_url: Where GitHub is to send pushes.
        webhook_secret: What it is to sign them with.
    """

    project: Project
    site: Site | None
    webhook_url: str
    webhook_secret: str = field(repr=False)


@frozen(kw_only=True)
class Management:
    """Projects, deployments and variables for their owner.

    Attributes:
        cancellation: Returns what cancels; called by a cancel only, because making its clients takes time.
        build_queue: Returns where deployments wait for their build, likewise.
        logs: Returns what reads the logs of builds, likewise.
        api_endpoint: URL of this API, without a trailing slash.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    lists: ListRepository
    secrets: SecretStore
    cancellation: Callable[[], Cancellation]
    build_queue: Callable[[], BuildQueue]
    logs: Callable[[], BuildLogs]
    signer: Signer
    ids: IdGenerator
    clock: Clock
    api_endpoint: str

    def create_project(self, user_id: str, new: NewProject) -> CreatedProject:
        """Make a project and bind it to its site.

        Two calls of DynamoDB: the site, which only the program writes, and one transaction.

        Raises:
            InvalidInputError: The site is not declared, or another project's; not told apart.
        """
        at = self.clock()
        project = Project(
            project_id=self.ids(),
            user_id=user_id,
            name=new.name,
            site=new.site,
            repository_url=new.repository_url,
            branch=new.branch,
            created_at=at,
            updated_at=at,
        )
        # Before anything is written: a project without its secret would be of no use and hold its site.
        secret = self.signer.derive_webhook_secret(project.project_id, project.webhook_version)
        # Read first, so that nothing is left to fail afterwards. Whether it may be had, the transaction
        # decides: that takes as long for a site that is not declared as for one that is taken.
        site = self.projects.sites({new.site}).get(new.site)
        try:
            self.projects.create(project)
        except SiteUnavailableError:
            problem = "is not available: choose a site that is declared for this stage and has no project yet"
            raise InvalidInputError(FieldProblem(field="site", problem=problem)) from None
        return CreatedProject(
            project=project,
            site=site,
            webhook_url=f"{self.api_endpoint}/webhook/{project.project_id}",
            webhook_secret=secret,
        )

    def project(self, user_id: str, project_id: str) -> tuple[Project, Site | None]:
        """Return a project and its site; None when the program declares that no more.

        Two calls of DynamoDB: a site's host is the program's to change, so no project's row repeats it.

        Raises:
            ProjectNotFoundError: There is none, or it is another tenant's.
        """
        project = self.projects.owned(user_id, project_id)
        sites = self.projects.sites({project.site})
        return project, sites.get(project.site)

    def change_project(
        self, user_id: str, project_id: str, changes: ProjectChanges
    ) -> tuple[Project, Site | None]:
        """Change a project, and return it with its site.

        Repository and branch count for what is pushed and built from now on. Two calls of DynamoDB, as for
        reading it.

        Raises:
            InvalidInputError: Nothing is to change, or the project is to be pinned.
            ProjectNotFoundError: There is none, or it is another tenant's.
        """
        spoken = read_changed_fields(changes)
        if spoken.get("pinned"):
            problem = "must be false, which lets automatic releases go on; promoting a deployment pins it"
            raise InvalidInputError(FieldProblem(field="pinned", problem=problem))
        project = self.projects.change_owned(user_id, project_id, spoken, at=self.clock())
        return project, self.projects.sites({project.site}).get(project.site)

    def all_projects(
        self, user_id: str, *, limit: int, cursor: str | None
    ) -> Page[tuple[Project, Site | None]]:
        """List projects with their sites, newest first. Two calls of DynamoDB, as for one project.

        Raises:
            MalformedError: The cursor is not one of this list's.
        """
        page = self.lists.projects(user_id, limit=limit, cursor=cursor)
        sites = self.projects.sites({project.site for project in page.items})
        return Page(
            items=tuple((project, sites.get(project.site)) for project in page.items), cursor=page.cursor
        )

    def all_deployments(
        self, user_id: str, project_id: str, *, limit: int, cursor: str | None
    ) -> Page[Deployment]:
        """List a project's deployments, newest first.

        Two calls of DynamoDB: a project without deployments differs from one that is not the user's.

        Raises:
            ProjectNotFoundError: There is none, or it is another tenant's.
            MalformedError: The cursor is not one of this list's.
        """
        project = self.projects.owned(user_id, project_id)
        return self.lists.deployments(user_id, project.project_id, limit=limit, cursor=cursor)

    def deployment(self, user_id: str, deployment_id: str) -> Deployment:
        """Return a deployment.

        Raises:
            DeploymentNotFoundError: There is none, or it is another tenant's.
        """
        return self.deployments.owned(user_id, deployment_id)

    def deploy(self, user_id: str, project_id: str, wanted: NewDeployment) -> Deployment:
        """Queue a deployment by hand: of a commit, or of a branch's head, which its build looks up.

        Calls of DynamoDB: read the project; one transaction.

        Raises:
            InvalidInputError: Neither a branch nor a commit is named.
            ProjectNotFoundError: There is none, or it is another tenant's.
            ProjectChangedError: Others recorded deployments of it at the same moment, again and again.
            ProjectDeletedError: The project is being deleted.
        """
        spoken = read_changed_fields(wanted)
        commit = Commit(sha=spoken.get("commit_sha"))
        project = self.projects.owned(user_id, project_id)

        def queued(project: Project) -> Deployment:
            return Deployment.queued(
                project,
                commit,
                deployment_id=self.ids(),
                source=Source.MANUAL,
                at=self.clock(),
                branch=spoken.get("branch"),
            )

        deployment = record_next(self.deployments, project, queued)
        self.build_queue().send(deployment)
        return deployment

    def build_log(self, user_id: str, deployment_id: str, *, limit: int, cursor: str | None) -> Page[LogLine]:
        """Return some lines of the log of a deployment's build; see `BuildLogs.page`.

        Raises:
            DeploymentNotFoundError: There is none, or it is another tenant's.
            MalformedError: The cursor is not one of this log's.
            ArchivedLogError: Restoring the log takes hours.
            UnavailableError: CloudWatch is asked for too much at the moment.
        """
        deployment = self.deployments.owned(user_id, deployment_id)
        return self.logs().page(deployment, limit=limit, cursor=cursor)

    def cancel(self, user_id: str, deployment_id: str) -> Deployment:
        """Cancel a deployment that is not being released yet; see `Cancellation.cancel`.

        Raises:
            DeploymentNotFoundError: There is none, or it is another tenant's.
            StaleDeploymentError: It is being released already, or has come to another end.
        """
        return self.cancellation().cancel(user_id, deployment_id)

    def variables(self, user_id: str, project_id: str) -> Project:
        """Return the project whose variables are asked for.

        Raises:
            ProjectNotFoundError: There is none, or it is another tenant's.
        """
        return self.projects.owned(user_id, project_id)

    def set_variables(self, user_id: str, project_id: str, wanted: Sequence[NewVariable]) -> Project:
        """Replace a project's variables. They reach the site with its next deployment.

        Two calls of DynamoDB, the stored names being needed to keep secrets; one more for the site's path
        when secrets change. New secrets are written before the row that names them and old ones deleted after
        it: a crash in between leaves a parameter that no row names, never a name without its parameter.

        Raises:
            ProjectNotFoundError: There is none, or it is another tenant's.
            InvalidInputError: Names every wrong field.
            ProjectChangedError: Someone else replaced them at the same moment.
            ProjectDeletedError: The project is being deleted.
            SiteNotFoundError: Secrets change, and the program declares the project's site no more.
        """
        project = self.projects.owned(user_id, project_id)
        variables = replaced(project, wanted)
        written = {each.name: each.value for each in wanted if each.is_secret and each.value is not None}
        kept = {variable.name for variable in variables if variable.is_secret}
        dropped = [each.name for each in project.variables if each.is_secret and each.name not in kept]
        site = self.projects.site(project.site) if written or dropped else None
        if site:
            for name, value in written.items():
                self.secrets.put(site.secret_parameter(project_id, name), value)
        try:
            project = self.projects.set_owned_variables(user_id, project, variables, at=self.clock())
        except (ProjectDeletedError, ProjectNotFoundError):
            # Its deletion may have looked for secrets before these were written.
            if site:
                for name in written:
                    self.secrets.delete(site.secret_parameter(project_id, name))
            raise
        if site:
            for name in dropped:
                self.secrets.delete(site.secret_parameter(project_id, name))
        return project
