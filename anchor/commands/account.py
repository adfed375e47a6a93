"""Commands that sign in and out."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from attrs import frozen
from cyclopts import Parameter

from anchor.cognito import Cognito, build_cognito_url
from anchor.credentials import Credentials
from anchor.errors import CommandError
from anchor.terminal import Terminal

_LOCALHOST: Final = re.compile(r"127\.0\.0\.1|([a-z0-9.-]+\.)?localhost")


@frozen(kw_only=True)
class Account:
    """Commands that sign a user in and out.

    Attributes:
        terminal: The API client, the input and the output.
    """

    terminal: Terminal

    def login(
        self,
        *,
        api: Annotated[
            str, Parameter(env_var="ANCHOR_API", help="URL of the API: the stack output `apiEndpoint`.")
        ],
        client_id: Annotated[
            str, Parameter(env_var="ANCHOR_CLIENT_ID", help="The stack output `userPoolClientId`.")
        ],
        user: Annotated[str, Parameter(env_var="ANCHOR_USER", help="Your e-mail address.")],
        cognito: Annotated[
            str | None,
            Parameter(
                env_var="ANCHOR_COGNITO",
                help="URL of Cognito. Default: the AWS endpoint in the API's region.",
            ),
        ] = None,
    ) -> None:
        """Sign in to a stage. The command prompts for the password, or reads it from standard input."""
        api, url = _require_https(api), _require_https(cognito or build_cognito_url(api))
        tokens = Cognito(url=url, client_id=client_id).sign_in(
            user, self.terminal.prompt_hidden("Password: "), self.terminal.prompt_hidden
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
        self.terminal.print(f"signed in to {api} as {user}")

    def logout(self) -> None:
        """Remove the credentials from this machine."""
        self.terminal.client.file.remove()
        self.terminal.print("signed out")


def _require_https(url: str) -> str:
    """Return the URL without a trailing slash; refuse HTTP, except to this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and _LOCALHOST.fullmatch(parts.hostname or "")
    ):
        raise CommandError(f"{url} is not an https URL: the password would be sent unencrypted")
    return url.rstrip("/")
