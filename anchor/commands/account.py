"""Commands that sign in and out, and that show who is signed in."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

from attrs import frozen
from cyclopts import Parameter

from anchor.cognito import REFRESH_TOKEN_SECONDS, Cognito, find_cognito_url
from anchor.credentials import Credentials
from anchor.errors import UsageError
from anchor.formatting import format_duration
from anchor.terminal import Terminal

_LOCALHOST: Final = re.compile(r"127\.0\.0\.1|([a-z0-9.-]+\.)?localhost")
_FIELDS: Final = ("user", "api", "clientId", "signedInUntil")


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
        client = self.terminal.client
        api = _require_https(api)
        url = _require_https(cognito or _require_cognito_url(api))
        client.check_api(api)
        tokens = Cognito(url=url, client_id=client_id).sign_in(
            user, self.terminal.prompt_hidden("Password: "), self.terminal.prompt_hidden
        )
        now = client.now()
        credentials = Credentials(
            api=api,
            cognito=url,
            client_id=client_id,
            user=user,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or "",
            expires_at=now + tokens.seconds,
            signed_in_until=now + REFRESH_TOKEN_SECONDS,
        )
        client.check_access(credentials)
        client.file.write(credentials)
        self.terminal.print(f"signed in to {api} as {user}")

    def logout(self) -> None:
        """Remove the credentials from this machine."""
        self.terminal.client.file.remove()
        self.terminal.print("signed out")

    def whoami(
        self,
        *,
        as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")] = False,
    ) -> None:
        """Show who is signed in, to which API, and until when. The command calls the API to check it."""
        client = self.terminal.client
        client.call("GET", "projects", query={"limit": 1})
        credentials = client.file.read()  # the call may have refreshed them
        until = credentials.signed_in_until
        answer = {
            "user": credentials.user,
            "api": credentials.api,
            "clientId": credentials.client_id,
            "signedInUntil": None if until is None else _format_time(until),
        }
        if as_json:
            self.terminal.print_json(answer)
            return
        if until is not None:
            answer["signedInUntil"] = (
                f"{answer['signedInUntil']} (in {format_duration(until - client.now())})"
            )
        self.terminal.print_fields(answer, _FIELDS)


def _format_time(seconds: float) -> str:
    """Return a time in the format of the API, such as `2026-11-30T12:00:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _require_cognito_url(api: str) -> str:
    """Return the URL of Cognito in the region of an API."""
    url = find_cognito_url(api)
    if url is None:
        raise UsageError(
            f"the host of {api} does not contain a region: add --cognito with the URL of Cognito"
        )
    return url


def _require_https(url: str) -> str:
    """Return the URL without a trailing slash; refuse HTTP, except to this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError(f"{url} is not a valid URL") from None
    if parts.scheme != "https" and not (
        parts.scheme == "http" and _LOCALHOST.fullmatch(parts.hostname or "")
    ):
        raise UsageError(f"{url} is not an https URL: the password would be sent unencrypted")
    return url.rstrip("/")
