"""Who is signed in where: a file that only its owner may read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import asdict, field, fields, frozen

from anchor.errors import CommandError, NotSignedInError

_FILE: Final = "credentials.json"
_OWNERS_FILE: Final = 0o600
_OWNERS_FOLDER: Final = 0o700


@frozen(kw_only=True)
class Credentials:
    """One user's, for one stage.

    Attributes:
        api: URL of the platform's API, without a slash at the end.
        cognito: URL of the service that signs users in.
        client_id: Of the user pool's client.
        user: The name that was signed in with.
        access_token: What the API takes.
        refresh_token: What a new access token is got with, for 30 days.
        expires_at: Unix seconds at which the access token ends.
    """

    api: str
    cognito: str
    client_id: str
    user: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float


@frozen(kw_only=True)
class CredentialsFile:
    """Where credentials are kept.

    Attributes:
        folder: Made when it is needed.
    """

    folder: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "CredentialsFile":
        """Return the user's own: `$XDG_CONFIG_HOME/anchor`, by default `~/.config/anchor`."""
        configured = environment.get("XDG_CONFIG_HOME")
        return cls(folder=(Path(configured) if configured else Path.home() / ".config") / "anchor")

    def read(self) -> Credentials:
        """Return what is kept.

        Raises:
            NotSignedInError: There is nothing, or nothing that can be read.
        """
        try:
            kept = json.loads((self.folder / _FILE).read_text(encoding="utf-8"))
            return Credentials(**{each.name: kept[each.name] for each in fields(Credentials)})
        except FileNotFoundError:
            raise NotSignedInError("nobody is signed in") from None
        except (OSError, KeyError, TypeError, ValueError):
            raise NotSignedInError(f"{self.folder / _FILE} cannot be read") from None

    def write(self, credentials: Credentials) -> None:
        """Keep credentials in place of others; at no time may others read them, nor is there half a file.

        Raises:
            CommandError: The file cannot be written.
        """
        new = self.folder / f"{_FILE}.{os.getpid()}"
        try:
            self.folder.mkdir(mode=_OWNERS_FOLDER, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNERS_FILE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(credentials), file, indent=2)
            new.replace(self.folder / _FILE)
        except OSError as error:
            raise CommandError(f"{self.folder / _FILE} cannot be written: {error.strerror}") from None

    def remove(self) -> None:
        """Forget them, if there are any."""
        (self.folder / _FILE).unlink(missing_ok=True)
