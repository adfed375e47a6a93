"""HTTP requests to a site through the edge on loopback, with the site's own host name.

Browsers resolve `*.localhost`, but not every system does. The visitor therefore connects to 127.0.0.1 and
sends the site's host name in the `Host` header. The edge selects the site by this header only.
"""

from collections.abc import Iterator
from time import monotonic
from urllib.parse import urlsplit

import requests
from attrs import field, frozen


@frozen(kw_only=True)
class Chunk:
    """A part of a streamed response.

    Attributes:
        seconds: Time of arrival, in seconds after the start of the request.
    """

    seconds: float
    data: bytes


@frozen(kw_only=True)
class Visitor:
    """A client that sends requests to one host behind the local edge.

    Attributes:
        url: The site's public URL as the platform's API returns it: `http://<host>:<port>` in the stage
            `local`, `https://<host>` in another stage.
        timeout: In seconds.
        session: Sends the requests. For an HTTPS URL, use a session from `StageAddresses.create_session`.
    """

    url: str
    timeout: float = 30.0
    session: requests.Session = field(factory=requests.Session, repr=False)

    @property
    def host(self) -> str:
        """The value of the Host header: name and port."""
        return urlsplit(self.url).netloc

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        """Send a GET request. A redirect is returned and not followed."""
        return self.session.get(
            self._build_address(path),
            headers=self._build_headers(headers),
            timeout=self.timeout,
            allow_redirects=False,
        )

    def post(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        data: bytes | None = None,
        form: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a POST request with bytes, or with a form as `multipart/form-data`, as a browser does.

        A redirect is returned and not followed.
        """
        return self.session.post(
            self._build_address(path),
            data=data,
            files=None if form is None else {name: (None, value) for name, value in form.items()},
            headers=self._build_headers(headers),
            timeout=self.timeout,
            allow_redirects=False,
        )

    def stream(self, path: str) -> Iterator[Chunk]:
        """Send a GET request and yield each chunk of the body when the chunk arrives."""
        start = monotonic()
        headers = self._build_headers({"Accept-Encoding": "identity"})
        with self.session.get(
            self._build_address(path), headers=headers, stream=True, timeout=self.timeout
        ) as response:
            response.raise_for_status()
            for data in response.iter_content(chunk_size=None):
                yield Chunk(seconds=monotonic() - start, data=data)

    def _build_headers(self, headers: dict[str, str] | None) -> dict[str, str]:
        return {"Host": self.host, **(headers or {})}

    def _build_address(self, path: str) -> str:
        if self.url.startswith("https:"):
            return self.url + path
        return f"http://127.0.0.1:{urlsplit(self.url).port or 80}{path}"
