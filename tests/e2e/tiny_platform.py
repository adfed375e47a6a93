"""Tenants with tiny sites (`tiny_site.py`), for tests of the platform."""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from local.cloud import Cloud, User
from local.demo.visitor import Visitor
from local.git_server import Repository
from local.github import Webhook, create_push_payload
from local.platform_client import Json, PlatformClient
from tests.e2e import tiny_site

SITES: Final = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "omega",
)
# The interval is short, because a deployment of a tiny site takes only a few seconds.
_POLL_SECONDS: Final = 0.1
_TIMEOUT_SECONDS: Final = 300.0


@frozen(kw_only=True)
class TinyProject:
    """A project of one tenant on one site."""

    client: PlatformClient
    project: Json
    webhook: Webhook
    repository: Repository

    @property
    def project_id(self) -> str:
        return str(self.project["projectId"])

    @property
    def visitor(self) -> Visitor:
        """A visitor of the live site."""
        return Visitor(url=self.project["url"])

    def push(self, changes: Mapping[str, str | bytes | None] | None = None, message: str = "Change") -> str:
        """Commit changes, deliver the push, and return the id of the deployment."""
        sha = self.repository.commit(changes or {"note.txt": message}, message)
        payload = create_push_payload(repository_url=self.repository.url, sha=sha, message=message)
        answer = self.webhook.deliver(payload)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["deploymentId"])

    def release(
        self, changes: Mapping[str, str | bytes | None] | None = None, message: str = "Change"
    ) -> Json:
        """Push changes, wait until the deployment has ended, and return the deployment."""
        return self.wait(self.push(changes, message))

    def wait(self, deployment_id: str, statuses: Container[str] = frozenset()) -> Json:
        """Wait until a deployment has one of the statuses or has ended, and return the deployment."""
        return self.client.wait_until(deployment_id, statuses, timeout=_TIMEOUT_SECONDS, poll=_POLL_SECONDS)


@define
class TinyPlatform:
    """An embedded cloud with tenants, each with its own client of the API."""

    cloud: Cloud
    folder: Path
    _tenants: dict[str, User] = field(factory=dict[str, User], init=False)
    _clients: dict[str, PlatformClient] = field(factory=dict[str, PlatformClient], init=False)

    def get_tenant(self, name: str) -> User:
        """Return a tenant. The first call creates the tenant."""
        if name not in self._tenants:
            self._tenants[name] = self.cloud.create_user(f"{name}@tiny.example.com")
        return self._tenants[name]

    def get_tenant_client(self, name: str) -> PlatformClient:
        """Return the client of a tenant. The first call creates the tenant."""
        if name not in self._clients:
            self._clients[name] = self.cloud.sign_in(self.get_tenant(name))
        return self._clients[name]

    def create_private_project(self, site: str, *, tenant: str) -> TinyProject:
        """Create a project with a private repository, make its deploy key, and add it to the repository."""
        made = self.create_project(site, tenant=tenant, private=True)
        ssh = self.cloud.git.ssh
        made.client.update_project(made.project_id, hostKeys=[ssh.host_key])
        key = made.client.call("POST", f"/projects/{made.project_id}/key")
        ssh.add_deploy_key(site, key["publicKey"])
        return made

    def create_project(
        self,
        site: str,
        *,
        tenant: str = "ada",
        more_files: Mapping[str, str | bytes] | None = None,
        private: bool = False,
        repository: str | None = None,
    ) -> TinyProject:
        """Create a project with its own repository, on a site that no other project uses.

        Args:
            site: The name of the site, and of the repository.
            tenant: The name of the tenant.
            more_files: Additional or replaced files of the repository, by path.
            private: Whether only deploy keys open the repository.
            repository: The name of the repository, if another project has used the site.
        """
        name = repository or site
        made = tiny_site.create_repository(
            self.cloud.git, name, self.folder / name, more_files, private=private
        )
        return self.connect(made, site, tenant=tenant)

    def connect(self, repository: Repository, site: str, *, tenant: str) -> TinyProject:
        """Create a project with an existing repository, on a site that no other project uses."""
        client = self.get_tenant_client(tenant)
        project = client.create_project(name=f"Tiny {site}", site=site, repository_url=repository.url)
        return TinyProject(
            client=client, project=project, webhook=Webhook(**project["webhook"]), repository=repository
        )
