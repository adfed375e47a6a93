"""The platform's HTTP API, as the signed-in user."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

import requests
from attrs import evolve, field, frozen
from requests.auth import AuthBase

from anchor.cognito import Cognito
from anchor.credentials import Credentials, CredentialsFile
from anchor.errors import CommandError, NotSignedInError, RefusedError

Json = dict[str, Any]

_TIMEOUT: Final = 60
_EARLY: Final = 60  # seconds before its end at which an access token is replaced
_UNAUTHORIZED: Final = 401
_BUSY: Final = frozenset({429, 503})
_PAUSE: Final = 3  # seconds before a question is repeated, where the answer names none
_LONGEST_PAUSE: Final = 10
_NO_CONTENT: Final = 204
_ID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


@frozen
class _Bearer(AuthBase):
    """The access token. As a plain header, a `default` in the user's ~/.netrc would take its place."""

    token: str = field(repr=False)

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self.token}"
        return r


@frozen(kw_only=True)
class Client:
    """Calls the API; replaces an access token that ends, and keeps the new one.

    Attributes:
        file: Where the credentials are.
        now: Tells Unix seconds.
        pause: Waits that many seconds.
    """

    file: CredentialsFile
    now: Callable[[], float]
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def call(self, method: str, *path: str, body: Json | None = None, query: Json | None = None) -> Json:
        """Call the API; returns the JSON it answers, empty if nothing.

        A GET that meets a busy API is made once more, after the time that the answer names. Nothing else is
        repeated: it may have been done.

        Args:
            method: Of HTTP.
            path: The steps of the path; what is no plain name in one is escaped.
            body: Sent as JSON.
            query: Without what is None.

        Raises:
            NotSignedInError: Nobody is, or the sign-in has ended.
            RefusedError: The answer is not 2xx.
            CommandError: The API cannot be reached.
        """
        credentials = self.file.read()
        if credentials.expires_at - _EARLY < self.now():
            credentials = self._refreshed(credentials)
        url = "/".join([credentials.api, *(quote(step, safe="") for step in path)])
        response = _sent(credentials, method, url, body, query)
        if response.status_code in _BUSY and method == "GET":
            self.pause(_pause_of(response))
            response = _sent(credentials, method, url, body, query)
        if response.status_code == _UNAUTHORIZED:
            raise NotSignedInError("the API does not take the access token")
        if response.status_code == _NO_CONTENT:
            return {}
        try:
            answer: Json = response.json()
        except ValueError:
            raise CommandError(f"{url} answers {response.status_code}, but no JSON: is it the API?") from None
        if not response.ok:
            raise RefusedError(response.status_code, answer)
        return answer

    def listed(self, name: str, *path: str) -> Iterator[Json]:
        """Go through a list, page by page.

        Args:
            name: Of the list in the answer.
            path: See `call`.
        """
        cursor: str | None = None
        while True:
            page = self.call("GET", *path, query={"cursor": cursor})
            yield from page[name]
            cursor = page["cursor"]
            if cursor is None:
                return

    def project_id(self, given: str) -> str:
        """Return the id of a project that is called by its id or its name.

        Raises:
            CommandError: There is no such project, or several of the name.
        """
        if _ID.fullmatch(given):
            return given
        found: list[str] = [
            each["projectId"] for each in self.listed("projects", "projects") if each["name"] == given
        ]
        if not found:
            raise CommandError(f"there is no project {given!r}: `python -m anchor projects list` shows yours")
        if len(found) > 1:
            raise CommandError(f"several projects are called {given!r}; say which: {', '.join(found)}")
        return found[0]

    def _refreshed(self, credentials: Credentials) -> Credentials:
        cognito = Cognito(url=credentials.cognito, client_id=credentials.client_id)
        tokens = cognito.refresh(credentials.refresh_token)
        credentials = evolve(
            credentials,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or credentials.refresh_token,
            expires_at=self.now() + tokens.seconds,
        )
        self.file.write(credentials)
        return credentials


def _sent(
    credentials: Credentials, method: str, url: str, body: Json | None, query: Json | None
) -> requests.Response:
    try:
        return requests.request(
            method,
            url,
            json=body,
            params=query,
            auth=_Bearer(credentials.access_token),
            timeout=_TIMEOUT,
            allow_redirects=False,  # the API never does, and the body may hold secrets
        )
    except requests.RequestException as error:
        raise CommandError(f"{credentials.api} cannot be reached: {error}") from None


def _pause_of(response: requests.Response) -> int:
    """Return the seconds to wait: those of `Retry-After`, within reason."""
    named = response.headers.get("Retry-After", "")
    return min(int(named), _LONGEST_PAUSE) if re.fullmatch("[0-9]{1,6}", named) else _PAUSE
