"""The credentials of the signed-in user, in a file that only its owner can read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import asdict, field, fields, frozen

from anchor.cognito import find_cognito_url
from anchor.errors import CommandError, NotSignedInError, format_command

_FILE_NAME: Final = "credentials.json"
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


@frozen(kw_only=True)
class Credentials:
    """Credentials of one user for one stage.

    Attributes:
        api: URL of the platform's API, without a trailing slash.
        cognito: URL of Cognito.
        client_id: Id of the user pool client.
        user: The user name of the sign-in.
        access_token: The token that the API accepts.
        refresh_token: The token that renews the access token, valid for 30 days.
        expires_at: Expiry of the access token, in Unix seconds.
        signed_in_until: Expiry of the refresh token, in Unix seconds. None if an older version of the command
            line stored the credentials.
    """

    api: str
    cognito: str
    client_id: str
    user: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float
    signed_in_until: float | None = None

    @property
    def login_command(self) -> str:
        """The command that signs the user in again."""
        words = ["login", "--api", self.api, "--client-id", self.client_id, "--user", self.user]
        if self.cognito != find_cognito_url(self.api):
            words += ["--cognito", self.cognito]
        return format_command(*words)


@frozen(kw_only=True)
class CredentialsFile:
    """The file that stores the credentials.

    Attributes:
        folder: The folder of the file, created by the first `write`.
    """

    folder: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "CredentialsFile":
        """Return the file in `$XDG_CONFIG_HOME/anchor`, by default `~/.config/anchor`."""
        configured = environment.get("XDG_CONFIG_HOME")
        return cls(folder=(Path(configured) if configured else Path.home() / ".config") / "anchor")

    def read(self) -> Credentials:
        """Return the stored credentials.

        Raises:
            NotSignedInError: The file is missing or unreadable, or its content is invalid.
        """
        try:
            stored = json.loads((self.folder / _FILE_NAME).read_text(encoding="utf-8"))
            optional = {"signed_in_until": stored.get("signed_in_until")}
            names = {each.name for each in fields(Credentials)} - {*optional}
            return Credentials(**{name: stored[name] for name in names}, **optional)
        except FileNotFoundError:
            raise NotSignedInError("not signed in") from None
        except (OSError, AttributeError, KeyError, TypeError, ValueError):
            raise NotSignedInError(f"{self.folder / _FILE_NAME} cannot be read") from None

    def write(self, credentials: Credentials) -> None:
        """Replace the stored credentials.

        The file is replaced atomically and is never readable by other users.

        Raises:
            CommandError: The file cannot be written.
        """
        new = self.folder / f"{_FILE_NAME}.{os.getpid()}"
        try:
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(credentials), file, indent=2)
            new.replace(self.folder / _FILE_NAME)
        except OSError as error:
            raise CommandError(f"{self.folder / _FILE_NAME} cannot be written: {error.strerror}") from None

    def remove(self) -> None:
        """Delete the stored credentials, if there are any."""
        (self.folder / _FILE_NAME).unlink(missing_ok=True)
