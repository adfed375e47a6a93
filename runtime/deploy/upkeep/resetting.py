"""Reset of a site's functions after the deletion of the site's project.

A deletion and the collection of its releases leave the newest version of each function, its alias `live` and
`$LATEST`. They contain code and secrets of the deleted project. Every step can be repeated.
"""

import base64
import hashlib
import io
import zipfile
from typing import Any, Final

from attrs import field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.releases.publishing import LIVE_ALIAS, FunctionPublisher
from runtime.deploy.releases.release_clients import ResettingLambdaClient
from runtime.deploy.releases.removal import FunctionRemover
from runtime.shared.aws_errors import read_error_code
from runtime.shared.placeholder_code import PLACEHOLDER_CODE

_LATEST: Final = "$LATEST"
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)  # so that the same code gives the same zip
_FILE_MODE: Final = 0o100644 << 16


@frozen(kw_only=True)
class FunctionResetter:
    """The service that puts functions into the state in which Pulumi creates them.

    Attributes:
        client: Lambda client.
        changes: Waits until Lambda has applied a change.
        remover: Removes aliases and versions.
    """

    client: ResettingLambdaClient = field(repr=False)
    changes: FunctionPublisher
    remover: FunctionRemover

    def reset(self, function: str, *, keeps_live_alias: bool) -> None:
        """Give a function the placeholder code and no variables, and remove its aliases and versions.

        Must not run at the same time as a release, because it also removes versions without an alias.

        Args:
            function: Function name. If the function does not exist, there is nothing to reset.
            keeps_live_alias: Whether the alias `live` stays, and names the placeholder code. Pulumi creates
                this alias for a function that receives messages.

        Raises:
            FunctionBusyError: Lambda is still applying a change.
            PublishError: Lambda could not change the function.
        """
        try:
            self.remover.remove_aliases(function, kept=LIVE_ALIAS if keeps_live_alias else None)
            self._reset_latest(function)
            if keeps_live_alias:
                self.client.update_alias(FunctionName=function, Name=LIVE_ALIAS, FunctionVersion=_LATEST)
            self.remover.remove_versions(function)
        except ClientError as error:
            if read_error_code(error) != "ResourceNotFoundException":
                raise

    def _reset_latest(self, function: str) -> None:
        current = self.changes.wait_until_idle(function)
        zipped = build_placeholder_zip(current["Handler"])
        if current["CodeSha256"] != base64.b64encode(hashlib.sha256(zipped).digest()).decode():
            self.client.update_function_code(FunctionName=function, ZipFile=zipped)
            current = self.changes.wait_until_changed(function)
        variables: dict[str, Any] = current.get("Environment", {}).get("Variables", {})
        if variables:
            self.client.update_function_configuration(FunctionName=function, Environment={"Variables": {}})
            self.changes.wait_until_changed(function)


def build_placeholder_zip(handler: str) -> bytes:
    """Return a zip of the placeholder code for a handler, such as `index.handler`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(f"{handler.rpartition('.')[0]}.mjs", _FIXED_TIME)
        entry.external_attr = _FILE_MODE
        archive.writestr(entry, PLACEHOLDER_CODE)
    return buffer.getvalue()
