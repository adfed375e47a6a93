"""The operations of signed-in users on the deploy key of a project."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from runtime.deploy.audit.model import PLATFORM, Action, Change, Origin
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.builds.host_keys import PUBLISHED
from runtime.deploy.builds.key_handover import ROTATION_PERIOD, list_usable_keys
from runtime.deploy.builds.repository_address import RepositoryAddress
from runtime.deploy.errors import (
    DeployKeyNotFoundError,
    NoSshAddressError,
    ProjectChangedError,
    ProjectDeletedError,
    ProjectNotFoundError,
)
from runtime.deploy.model import DeployKey, Project
from runtime.deploy.repositories.deploy_keys import DeployKeyStore, KeyPair
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.clock import Clock
from runtime.shared.ids import IdGenerator, create_lowest_ulid

_LONGEST_REQUEST: Final = timedelta(minutes=1)  # longer than the timeout of the function that creates keys


@frozen(kw_only=True)
class ShownDeployKey:
    """The deploy key of a project, as shown to its owner.

    Attributes:
        comment: Comment of the public key. It shows the purpose of the key on the git server.
        ssh_url: Address from which builds fetch. None if it is unknown.
        settings_page: Page on the git server where the key is added. None if it is unknown.
        is_host_known: Whether the host key of the git server is known.
        previous: The key before the last rotation, while builds can still use it.
        previous_until: Time until which builds can use the previous key.
    """

    key: DeployKey
    comment: str
    ssh_url: str | None
    settings_page: str | None
    is_host_known: bool
    previous: DeployKey | None
    previous_until: datetime | None


@frozen(kw_only=True)
class DeployKeyService:
    """The service that creates, shows, rotates and removes deploy keys for their owner.

    Attributes:
        make_key_pair: Returns a new key pair.
        audit: Builds the entries of the audit log.
    """

    projects: ProjectRepository
    keys: DeployKeyStore
    make_key_pair: Callable[[], KeyPair] = field(repr=False)
    audit: AuditTrail
    ids: IdGenerator
    clock: Clock

    def show(self, user_id: str, project_id: str) -> ShownDeployKey:
        """Return the public half of the key. Makes one DynamoDB call.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            DeployKeyNotFoundError: The project has no key.
        """
        return self._describe(self._get_project_with_key(user_id, project_id))

    def create(self, user_id: str, project_id: str, *, origin: Origin = PLATFORM) -> ShownDeployKey:
        """Create a key, or rotate it. Builds can use the previous key for another week.

        A second rotation within a week replaces the newest key and keeps the previous one. The newest key was
        perhaps never added to the git server, but the previous key was in use.

        The private half is written before the row that names it. So a crash can leave a parameter that the
        row does not name, but never a name without its parameter. Makes two DynamoDB calls (one more after a
        conflict), and one or two calls to Parameter Store.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            ProjectDeletedError: The project is being deleted.
            ProjectChangedError: Another request changed the key at the same time.
            NoSshAddressError: The SSH address of the repository is unknown.
        """
        project = self.projects.get_owned(user_id, project_id)
        if RepositoryAddress.parse(project.repository_url).ssh_url is None:
            raise NoSshAddressError
        pair = self.make_key_pair()
        at = self.clock()
        key = DeployKey(key_id=self.ids(), public_key=pair.public_key, created_at=at)
        kept = list_usable_keys(project, at=at)[-1:] if project.deploy_keys else []
        dropped = [each for each in project.deploy_keys if each not in kept]
        self.keys.put(project_id, key.key_id, pair.private_key)
        project = self._write_new_key(user_id, project, (key, *kept), origin=origin, at=at)
        self.keys.remove(project_id, [each.key_id for each in dropped])
        return self._describe(project)

    def delete(self, user_id: str, project_id: str, *, origin: Origin = PLATFORM) -> None:
        """Remove the key, and the previous one. Builds then fetch the repository over HTTPS.

        The row is written before the private halves are deleted. So a crash can leave private halves that
        the row does not name. A repeated call deletes them. Makes two DynamoDB calls (one more after a
        conflict), and one call to Parameter Store.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            ProjectDeletedError: The project is being deleted.
            ProjectChangedError: Another request changed the key at the same time.
            DeployKeyNotFoundError: The project has no key, and Parameter Store has no private half of an
                earlier one.
        """
        project = self.projects.get_owned(user_id, project_id)
        if not project.deploy_keys:
            self._remove_unnamed_keys(project_id)
            return
        at = self.clock()
        entry = self.audit.build_user_entry(
            Action.DEPLOY_KEY_DELETE,
            user_id=user_id,
            project_id=project_id,
            origin=origin,
            at=at,
            target_id=project.deploy_keys[0].key_id,
        )
        try:
            self.projects.set_owned_deploy_keys(user_id, project, (), at=at, entry=entry)
        except ProjectChangedError:
            # See `_write_new_key`: the first attempt of this write was perhaps successful.
            if self.projects.get_owned(user_id, project_id).deploy_keys:
                raise
        self.keys.remove(project_id, [key.key_id for key in project.deploy_keys])

    def _write_new_key(
        self, user_id: str, project: Project, keys: Sequence[DeployKey], *, origin: Origin, at: datetime
    ) -> Project:
        """Write the keys to the row. Remove the private half of the first key if the row does not name it."""
        key_id = keys[0].key_id
        entry = self.audit.build_user_entry(
            Action.DEPLOY_KEY_CREATE,
            user_id=user_id,
            project_id=project.project_id,
            origin=origin,
            at=at,
            target_id=key_id,
            changes=[Change(name="fingerprint", value=keys[0].fingerprint)],
        )
        try:
            try:
                return self.projects.set_owned_deploy_keys(user_id, project, keys, at=at, entry=entry)
            except ProjectChangedError:
                # If the answer to a write is lost, botocore repeats the write. The condition of the repeated
                # write fails, because the row already names the new key.
                current = self.projects.get_owned(user_id, project.project_id)
                named = [key.key_id for key in current.deploy_keys]
                if named[:1] == [key_id]:
                    return current
                if key_id not in named:
                    self.keys.remove(project.project_id, [key_id])
                raise
        except (ProjectDeletedError, ProjectNotFoundError):
            self.keys.remove(project.project_id, [key_id])
            raise

    def _remove_unnamed_keys(self, project_id: str) -> None:
        """Remove the private halves that interrupted requests left behind, if the row names no key.

        Raises:
            DeployKeyNotFoundError: There are none.
        """
        # A concurrent request has perhaps written a newer private half, and will name it in the row.
        newest = create_lowest_ulid(self.clock() - _LONGEST_REQUEST)
        unnamed = [key_id for key_id in self.keys.list_key_ids(project_id) if key_id < newest]
        if not unnamed:
            raise DeployKeyNotFoundError
        self.keys.remove(project_id, unnamed)

    def _get_project_with_key(self, user_id: str, project_id: str) -> Project:
        project = self.projects.get_owned(user_id, project_id)
        if not project.deploy_keys:
            raise DeployKeyNotFoundError
        return project

    def _describe(self, project: Project) -> ShownDeployKey:
        newest, *previous = project.deploy_keys
        until = newest.created_at + ROTATION_PERIOD
        is_rotating = bool(previous) and self.clock() < until
        address = RepositoryAddress.parse(project.repository_url)
        return ShownDeployKey(
            key=newest,
            comment=f"anchor-deploy:{project.site}",
            ssh_url=address.ssh_url,
            settings_page=address.settings_page,
            is_host_known=bool(project.host_keys) or address.host in PUBLISHED,
            previous=previous[0] if is_rotating else None,
            previous_until=until if is_rotating else None,
        )
