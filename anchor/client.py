"""Client of the platform's HTTP API for the signed-in user."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

import requests
from attrs import evolve, field, frozen
from requests.auth import AuthBase

from anchor.cognito import Cognito, SignInRefusedError, read_json_object
from anchor.credentials import Credentials, CredentialsFile
from anchor.errors import CommandError, NotSignedInError, RequestRefusedError, UnreachableError
from anchor.version import PACKAGE, read_version

Json = dict[str, Any]

_TIMEOUT_SECONDS: Final = 60
_REFRESH_MARGIN: Final = 60  # seconds before expiry at which an access token is refreshed
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_BUSY: Final = frozenset({429, 503})
_DEFAULT_RETRY_DELAY: Final = 3  # seconds, for a response without Retry-After
_MAX_RETRY_DELAY: Final = 10  # seconds
_NO_CONTENT: Final = 204
_MAX_PAGE_SIZE: Final = 100


@frozen
class _Bearer(AuthBase):
    """Authentication with the access token.

    A plain `Authorization` header would not be safe: requests replaces it if ~/.netrc has a `default` entry.
    """

    token: str = field(repr=False)

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self.token}"
        return r


@frozen(kw_only=True)
class Client:
    """HTTP client of the API. The client refreshes an expired access token and stores the new one.

    Attributes:
        file: The stored credentials.
        now: Returns the time in Unix seconds.
        pause: Sleeps for a number of seconds.
    """

    file: CredentialsFile
    now: Callable[[], float]
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def call(self, method: str, *path: str, body: Json | None = None, query: Json | None = None) -> Json:
        """Send a request and return the JSON of the response; an empty response returns {}.

        If the API is busy, a GET is repeated once, after the time in `Retry-After`. Other methods are never
        repeated, because the API has perhaps carried out the first request.

        Args:
            method: The HTTP method.
            path: The segments of the path. This method percent-encodes them.
            body: The JSON body.
            query: The query parameters. Those that are None are omitted.

        Raises:
            NotSignedInError: The credentials are missing, unreadable or expired, or the API refused them.
            RequestRefusedError: The status of the response is not 2xx.
            CommandError: The API cannot be reached.
        """
        credentials = self.file.read()
        if credentials.expires_at - _REFRESH_MARGIN < self.now():
            credentials = self._refresh(credentials)
        return self._call_as(credentials, method, *path, body=body, query=query)

    def check_access(self, credentials: Credentials) -> None:
        """Check that the API accepts credentials that are not stored yet.

        Raises:
            CommandError: The URL is not that of an API, or the API does not accept users of the user pool.
        """
        api = credentials.api
        try:
            answer = self._call_as(credentials, "GET", "projects", query={"limit": 1})
        except NotSignedInError:
            raise CommandError(
                f"not signed in: {api} does not accept users of the client {credentials.client_id}. Use the"
                " outputs `apiEndpoint` and `userPoolClientId` of the same stage"
            ) from None
        except RequestRefusedError as error:
            if error.status == _FORBIDDEN:
                raise CommandError(f"not signed in to {api}: {error}") from None
            raise CommandError(f"not signed in: {api} may not be the API of a stage: {error}") from None
        if "projects" not in answer:
            raise CommandError(f"not signed in: {api} is not the API of a stage: check --api")

    def check_api(self, api: str) -> None:
        """Check that a URL is that of an API. The request is sent without credentials.

        Raises:
            CommandError: The URL cannot be reached, or is not that of an API.
        """
        url = f"{api}/openapi.json"
        try:
            response = requests.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise UnreachableError(api, error) from None
        if not response.ok or "openapi" not in (read_json_object(response) or {}):
            raise CommandError(
                f"{api} is not the API of a stage ({url} answered {response.status_code} without an OpenAPI"
                " document): check --api"
            )

    def list_items(self, field: str, *path: str, limit: int | None = None, query: Json | None = None) -> Json:
        """Return a list of the API as one answer, whose `cursor` continues after the last item.

        Args:
            field: The field of the answer that holds the items.
            path: The segments of the path, as in `call`.
            limit: Maximum number of items. None returns all items.
            query: Further query parameters.
        """
        items: list[Json] = []
        cursor: str | None = None
        while True:
            size = _MAX_PAGE_SIZE if limit is None else min(limit - len(items), _MAX_PAGE_SIZE)
            page = self.call("GET", *path, query={**(query or {}), "limit": size, "cursor": cursor})
            items += page[field]
            cursor = page["cursor"]
            if cursor is None or (limit is not None and len(items) >= limit):
                return {**page, field: items}

    def iterate_items(self, field: str, *path: str, query: Json | None = None) -> Iterator[Json]:
        """Yield the items of a paginated list of the API. Request each page when it is needed.

        Args:
            field: The field of the response that holds the items.
            path: The segments of the path, as in `call`.
            query: Further query parameters.
        """
        cursor: str | None = None
        while True:
            page = self.call("GET", *path, query={**(query or {}), "cursor": cursor})
            yield from page[field]
            cursor = page["cursor"]
            if cursor is None:
                return

    def _call_as(
        self,
        credentials: Credentials,
        method: str,
        *path: str,
        body: Json | None = None,
        query: Json | None = None,
    ) -> Json:
        url = "/".join([credentials.api, *(quote(step, safe="") for step in path)])
        response = _send_request(credentials, method, url, body, query)
        if response.status_code in _BUSY and method == "GET":
            self.pause(_read_retry_delay(response))
            response = _send_request(credentials, method, url, body, query)
        if response.status_code == _UNAUTHORIZED:
            raise NotSignedInError("the API refused the access token", credentials.login_command)
        if response.status_code == _NO_CONTENT:
            return {}
        answer = read_json_object(response)
        if answer is None:
            raise CommandError(
                f"{url} answered {response.status_code} without a JSON object: check that it is the API's URL"
            )
        if not response.ok:
            raise RequestRefusedError(response.status_code, answer)
        return answer

    def _refresh(self, credentials: Credentials) -> Credentials:
        cognito = Cognito(url=credentials.cognito, client_id=credentials.client_id)
        try:
            tokens = cognito.refresh(credentials.refresh_token)
        except SignInRefusedError:
            raise NotSignedInError("the sign-in has expired", credentials.login_command) from None
        credentials = evolve(
            credentials,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or credentials.refresh_token,
            expires_at=self.now() + tokens.seconds,
        )
        self.file.write(credentials)
        return credentials


def _send_request(
    credentials: Credentials, method: str, url: str, body: Json | None, query: Json | None
) -> requests.Response:
    try:
        return requests.request(
            method,
            url,
            json=body,
            params=query,
            auth=_Bearer(credentials.access_token),
            headers={"User-Agent": f"{PACKAGE}/{read_version()}"},  # the audit log shows it
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,  # the API never redirects, and the body can contain secrets
        )
    except requests.RequestException as error:
        raise UnreachableError(credentials.api, error) from None


def _read_retry_delay(response: requests.Response) -> int:
    """Return the seconds to wait before the retry: `Retry-After` or the default, at most ten seconds."""
    value = response.headers.get("Retry-After", "")
    return min(int(value), _MAX_RETRY_DELAY) if re.fullmatch("[0-9]{1,6}", value) else _DEFAULT_RETRY_DELAY
