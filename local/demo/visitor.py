"""A visitor of a site: HTTP to the edge on loopback, under the site's own host name.

`*.localhost` resolves in browsers but not in every system's resolver, so the visitor connects to
127.0.0.1 and sends the host name in the `Host` header, which is all the edge looks at.
"""

from collections.abc import Iterator
from time import monotonic
from urllib.parse import urlsplit

import requests
from attrs import field, frozen


@frozen(kw_only=True)
class Chunk:
    """A piece of a streamed response and the second, since the request, at which it arrived."""

    at: float
    data: bytes


@frozen(kw_only=True)
class Visitor:
    """Requests to one host behind the local edge.

    `url` is the site's public URL, as the platform's API shows it (`http://<host>:<port>`).
    """

    url: str
    timeout: float = 30.0
    session: requests.Session = field(factory=requests.Session, repr=False)

    @property
    def host(self) -> str:
        """The Host header: name and port."""
        return urlsplit(self.url).netloc

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        """GET `path`; a redirect is returned, not followed."""
        return self.session.get(
            self._address(path), headers=self._headers(headers), timeout=self.timeout, allow_redirects=False
        )

    def post(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        data: bytes | None = None,
        form: dict[str, str] | None = None,
    ) -> requests.Response:
        """POST bytes, or a form as a browser sends one with `multipart/form-data`."""
        return self.session.post(
            self._address(path),
            data=data,
            files=None if form is None else {name: (None, value) for name, value in form.items()},
            headers=self._headers(headers),
            timeout=self.timeout,
            allow_redirects=False,
        )

    def stream(self, path: str) -> Iterator[Chunk]:
        """GET `path` and yield the body's chunks as they arrive."""
        start = monotonic()
        headers = self._headers({"Accept-Encoding": "identity"})
        with self.session.get(
            self._address(path), headers=headers, stream=True, timeout=self.timeout
        ) as response:
            response.raise_for_status()
            for data in response.iter_content(chunk_size=None):
                yield Chunk(at=monotonic() - start, data=data)

    def _headers(self, headers: dict[str, str] | None) -> dict[str, str]:
        return {"Host": self.host, **(headers or {})}

    def _address(self, path: str) -> str:
        return f"http://127.0.0.1:{urlsplit(self.url).port or 80}{path}"
