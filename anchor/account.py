"""Signing in and out."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from attrs import frozen
from cyclopts import Parameter

from anchor.cognito import Cognito, cognito_of
from anchor.credentials import Credentials
from anchor.errors import CommandError
from anchor.terminal import Terminal

_THIS_MACHINE: Final = re.compile(r"127\.0\.0\.1|([a-z0-9.-]+\.)?localhost")


@frozen(kw_only=True)
class Account:
    """The commands of an account.

    Attributes:
        terminal: What they work with.
    """

    terminal: Terminal

    def login(
        self,
        *,
        api: Annotated[
            str, Parameter(env_var="ANCHOR_API", help="URL of the API: the output `apiEndpoint`.")
        ],
        client_id: Annotated[
            str, Parameter(env_var="ANCHOR_CLIENT_ID", help="The output `userPoolClientId` of the stage.")
        ],
        user: Annotated[str, Parameter(env_var="ANCHOR_USER", help="Your e-mail address.")],
        cognito: Annotated[
            str | None,
            Parameter(
                env_var="ANCHOR_COGNITO",
                help="URL of Cognito; by default that of AWS in the region of the API.",
            ),
        ] = None,
    ) -> None:
        """Sign in to a stage. The password is asked for, or read from standard input."""
        api, url = _checked(api), _checked(cognito or cognito_of(api))
        tokens = Cognito(url=url, client_id=client_id).sign_in(
            user, self.terminal.ask("Password: "), self.terminal.ask
        )
        credentials = Credentials(
            api=api,
            cognito=url,
            client_id=client_id,
            user=user,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or "",
            expires_at=self.terminal.client.now() + tokens.seconds,
        )
        self.terminal.client.file.write(credentials)
        self.terminal.say(f"signed in to {api} as {user}")

    def logout(self) -> None:
        """Forget who is signed in on this machine."""
        self.terminal.client.file.remove()
        self.terminal.say("signed out")


def _checked(url: str) -> str:
    """Passwords and tokens are sent to nobody but whom TLS proves, or this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and _THIS_MACHINE.fullmatch(parts.hostname or "")
    ):
        raise CommandError(f"{url} is no https URL: what is secret would be sent openly")
    return url.rstrip("/")
