"""The handover of a project's deploy keys to one build.

A build runs code of the repository, and this code has every permission of the build's role. So the role has
no permission to read a key. The platform writes the keys to an object with a random name, and passes a
presigned URL of this object to the build. The first command of the build reads the object, deletes it and
checks that it is gone. Only then does code of the repository run
(docs/decisions/0067-a-build-receives-its-deploy-key-once.md).
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen
from botocore.config import Config

from runtime.deploy.builds.host_keys import PUBLISHED
from runtime.deploy.builds.repository_address import RepositoryAddress
from runtime.deploy.model import KEY_HANDOVER_FOLDER, DeployKey, Project
from runtime.deploy.repositories.deploy_keys import DeployKeyStore
from runtime.deploy.repositories.variables import runs_before_fetch
from runtime.shared.aws import HandoverClient
from runtime.shared.clock import Clock

# Presigned URLs need signature version 4. With virtual-hosted addressing, they name the region of the bucket.
S3_CONFIG: Final = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
"""Settings of the S3 client that hands over keys."""

ROTATION_PERIOD: Final = timedelta(days=7)
"""How long builds can still use the previous key after a rotation."""

# Half an hour in the queue of CodeBuild, and ten minutes for the start of the container.
_URL_LIFETIME_SECONDS: Final = 2_400
_NAME_BYTES: Final = 32


class SourceAccessError(Exception):
    """The repository cannot be fetched over SSH. The message gives the reason and the next step."""


@frozen(kw_only=True)
class KeyHandover:
    """A handover that is waiting for its build.

    Attributes:
        name: Key of the object.
        url: Presigned URL with which the build reads the object.
    """

    name: str = field(repr=False)
    url: str = field(repr=False)


@frozen(kw_only=True)
class KeyHandovers:
    """The service that hands deploy keys over to builds.

    Attributes:
        objects: Returns the S3 client. Only called for a project with a deploy key, because creating a client
            takes time.
        bucket: Bucket of the build artifacts.
        random_bytes: Returns the given number of unpredictable bytes.
    """

    keys: DeployKeyStore
    objects: Callable[[], HandoverClient]
    bucket: str
    random_bytes: Callable[[int], bytes] = field(repr=False)
    clock: Clock

    def create(self, project: Project) -> KeyHandover | None:
        """Write the keys of a project for its next build.

        Makes one call to Parameter Store and one to S3.

        Returns:
            None if the repository is fetched over HTTPS, because the project has no key.

        Raises:
            SourceAccessError: The project has an SSH address and no key. Or the private half of the key, the
                SSH address or the host key of the server is missing. Or a variable of the project could run
                code before the repository is fetched.
        """
        address = RepositoryAddress.parse(project.repository_url)
        if not project.deploy_keys:
            if address.is_ssh:
                raise SourceAccessError(
                    f"The project has no deploy key to fetch {address.url}. "
                    f"Run `anchor projects key create {project.project_id}`."
                )
            return None
        document = self._build_document(project, address)
        name = KEY_HANDOVER_FOLDER + self.random_bytes(_NAME_BYTES).hex()
        objects = self.objects()
        document["deleteUrl"] = self._presign("delete_object", name)
        objects.put_object(Bucket=self.bucket, Key=name, Body=json.dumps(document).encode())
        return KeyHandover(name=name, url=self._presign("get_object", name))

    def withdraw(self, handover: KeyHandover) -> None:
        """Delete the object of a handover whose build did not start."""
        self.objects().delete_object(Bucket=self.bucket, Key=handover.name)

    def _build_document(self, project: Project, address: RepositoryAddress) -> dict[str, object]:
        for variable in project.variables:
            if runs_before_fetch(variable.name):
                raise SourceAccessError(
                    f"The variable {variable.name} could run code before the repository is fetched, and read "
                    "the deploy key. Remove the variable."
                )
        if address.ssh_url is None:
            raise SourceAccessError(
                f"The SSH address of {address.url} is unknown, because the URL contains a port, or "
                "characters that an SSH address cannot have. Set the project's repository to its SSH address."
            )
        host_keys = project.host_keys or PUBLISHED.get(address.host, ())
        if not host_keys:
            raise SourceAccessError(
                f"The host key of {address.host} is unknown. Ask the owner of the server for it, and set it "
                f"with `anchor projects key trust {project.project_id} --key 'ssh-ed25519 AAAA...'`."
            )
        usable = list_usable_keys(project, at=self.clock())
        private_keys = self.keys.read(project.project_id, [key.key_id for key in usable])
        if usable[0].key_id not in private_keys:
            raise SourceAccessError(
                "The private half of the deploy key is missing. "
                f"Run `anchor projects key rotate {project.project_id}`, and add the new key."
            )
        return {
            "url": address.ssh_url,
            "host": address.host,
            "hostKeys": list(host_keys),
            "privateKeys": [private_keys[key.key_id] for key in usable if key.key_id in private_keys],
            "fingerprints": [key.fingerprint for key in usable if key.key_id in private_keys],
            "settingsPage": address.settings_page or f"the settings of the repository on {address.host}",
        }

    def _presign(self, method: str, name: str) -> str:
        return self.objects().generate_presigned_url(
            method, Params={"Bucket": self.bucket, "Key": name}, ExpiresIn=_URL_LIFETIME_SECONDS
        )


def list_usable_keys(project: Project, *, at: datetime) -> list[DeployKey]:
    """Return the keys that builds try: the newest one and, for a week after a rotation, the previous one."""
    newest, *previous = project.deploy_keys
    return [newest, *previous] if at < newest.created_at + ROTATION_PERIOD else [newest]
