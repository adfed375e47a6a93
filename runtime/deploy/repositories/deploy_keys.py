"""The private halves of deploy keys, as SecureString parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from runtime.shared.aws import SSMClient

_MAX_DELETED_PER_CALL: Final = 10  # limit of the SSM API


@frozen(kw_only=True)
class KeyPair:
    """A new key pair for SSH.

    Attributes:
        public_key: OpenSSH form without a comment: `ssh-ed25519 AAAA...`.
        private_key: The text of an OpenSSH private key file.
    """

    public_key: str
    private_key: str = field(repr=False)


@frozen(kw_only=True)
class DeployKeyStore:
    """The parameters with the private halves of deploy keys.

    The name of a parameter contains the project's id. Parameter Store encrypts the key with the parameter's
    ARN as the encryption context. So the key of one project cannot be decrypted as the key of another
    project.

    Attributes:
        client: SSM client.
        key: ARN of the KMS key that encrypts the parameters. Empty if the function only reads or deletes.
        path: Parameter Store folder of all deploy keys of the stage, without a trailing slash.
    """

    client: SSMClient
    key: str
    path: str

    def put(self, project_id: str, key_id: str, private_key: str) -> None:
        """Write the private half of a new key."""
        self.client.put_parameter(
            Name=self._build_name(project_id, key_id),
            Value=private_key,
            Type="SecureString",
            KeyId=self.key,
            Overwrite=False,
        )

    def read(self, project_id: str, key_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the private halves of up to ten keys by key id, without those that do not exist."""
        names = {self._build_name(project_id, key_id): key_id for key_id in key_ids}
        answer = self.client.get_parameters(Names=[*names], WithDecryption=True)
        return {names[parameter["Name"]]: parameter["Value"] for parameter in answer["Parameters"]}

    def list_key_ids(self, project_id: str) -> list[str]:
        """Return the ids of all keys of a project whose private halves exist. Nothing is decrypted."""
        folder = self.build_folder(project_id)
        found: list[str] = []
        more: dict[str, Any] = {}
        while True:
            answer = self.client.get_parameters_by_path(Path=folder, WithDecryption=False, **more)
            found += [parameter["Name"].removeprefix(f"{folder}/") for parameter in answer["Parameters"]]
            if "NextToken" not in answer:
                return found
            more = {"NextToken": answer["NextToken"]}

    def remove(self, project_id: str, key_ids: Sequence[str]) -> None:
        """Delete the private halves of keys, if they exist. Makes one call per ten keys."""
        names = [self._build_name(project_id, key_id) for key_id in key_ids]
        for start in range(0, len(names), _MAX_DELETED_PER_CALL):
            self.client.delete_parameters(Names=names[start : start + _MAX_DELETED_PER_CALL])

    def build_folder(self, project_id: str) -> str:
        """Return the Parameter Store folder of a project's keys."""
        return f"{self.path}/{project_id}"

    def _build_name(self, project_id: str, key_id: str) -> str:
        return f"{self.build_folder(project_id)}/{key_id}"
