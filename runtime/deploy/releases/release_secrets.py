"""The secret variables of releases: encrypted objects, which the functions of a release load when they start.

The environment of a function would show the values to everyone who may read the function's configuration. So
the environment contains only the key of an object in the assets bucket. The object is encrypted with the
secrets key, and the encryption context names the site and the project. The role of a site may only decrypt
with the name of its own site (`origin/anchor-secrets.mjs`).

When a release becomes live, the objects of all older releases of the project get its secrets. So a replaced
value is in no release any more, and a rollback starts with the values of today.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from attrs import field, frozen

from runtime.deploy.model import RELEASE_SECRETS_FOLDER, Deployment
from runtime.deploy.releases.release_clients import SecretObjectsClient
from runtime.shared.aws import KMSClient

_TYPE: Final = "application/octet-stream"


def build_site_secrets_folder(site: str) -> str:
    """Return the folder of the secrets of all releases on a site, without a trailing slash."""
    return f"{RELEASE_SECRETS_FOLDER}{site}"


def build_project_secrets_folder(site: str, project_id: str) -> str:
    """Return the folder of the secrets of all releases of a project, without a trailing slash."""
    return f"{build_site_secrets_folder(site)}/{project_id}"


def build_release_secrets_folder(deployment: Deployment) -> str:
    """Return the folder of a release's secrets, without a trailing slash."""
    return (
        f"{build_project_secrets_folder(deployment.site, deployment.project_id)}/{deployment.deployment_id}"
    )


def build_secrets_object_key(deployment: Deployment) -> str:
    """Return the key of the object with a release's secrets. The wrapper reads site and project from it."""
    return f"{build_release_secrets_folder(deployment)}/variables"


@frozen(kw_only=True)
class SecretEncryption:
    """The encryption of a project's secrets for the functions of its releases.

    Attributes:
        client: KMS client.
        key: ARN of the secrets key.
    """

    client: KMSClient
    key: str

    def encrypt(self, deployment: Deployment, secrets: Mapping[str, str]) -> bytes:
        """Return the encrypted secrets. Makes one call.

        KMS encrypts up to 4,096 bytes. The API allows 3,200 bytes for all variables of a project.
        """
        response = self.client.encrypt(
            KeyId=self.key,
            Plaintext=json.dumps(secrets, ensure_ascii=False).encode(),
            EncryptionContext={"site": deployment.site, "project": deployment.project_id},
        )
        encrypted: bytes = response["CiphertextBlob"]
        return encrypted


@frozen(kw_only=True)
class ReleaseSecrets:
    """The objects with the secrets of releases.

    Attributes:
        client: Returns the S3 client. It is created when it is first used.
        bucket: Name of the assets bucket.
    """

    client: Callable[[], SecretObjectsClient] = field(repr=False)
    bucket: str

    def put(self, deployment: Deployment, encrypted: bytes) -> None:
        """Write or replace the secrets of a release."""
        self._put(build_secrets_object_key(deployment), encrypted)

    def replace_older(self, deployment: Deployment) -> None:
        """Give the secrets of a release to all older releases of its project. Idempotent.

        If the release has no secrets, the older releases lose theirs. Makes one call if no older release has
        other secrets.
        """
        own = build_secrets_object_key(deployment)
        found = dict(self._list_objects(build_project_secrets_folder(deployment.site, deployment.project_id)))
        # Ids of deployments grow with time. A copy has the same ETag as its original.
        older = [key for key, tag in found.items() if key < own and tag != found.get(own)]
        if own in found:
            content = self.client().get_object(Bucket=self.bucket, Key=own)["Body"].read() if older else b""
        else:
            content = b""
        for key in older:
            self._put(key, content)

    def clear(self, site: str, project_id: str) -> None:
        """Remove the secrets of all releases of a project. Idempotent. The collector deletes the objects."""
        for key, _ in self._list_objects(build_project_secrets_folder(site, project_id)):
            self._put(key, b"")

    def _put(self, key: str, content: bytes) -> None:
        self.client().put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=_TYPE)

    def _list_objects(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield the key and the ETag of each object in a folder."""
        more: dict[str, str] = {}
        while True:
            response = self.client().list_objects_v2(Bucket=self.bucket, Prefix=f"{folder}/", **more)
            for each in response.get("Contents", ()):
                yield each["Key"], each["ETag"]
            if not response.get("IsTruncated"):
                return
            more = {"ContinuationToken": response["NextContinuationToken"]}
