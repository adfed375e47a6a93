"""CORS of a CloudFront response headers policy: the origins whose pages may read an answer.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html#understanding-response-headers-policies-cors
"""

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from local.http_messages import Headers

PREFIX = "access-control-"


@frozen(kw_only=True)
class CorsPolicy:
    """The CORS part of a response headers policy.

    Attributes:
        origins: The allowed values of the request's `Origin` header. In such a value, `*` matches any text.
        override: Whether the policy replaces the CORS headers of an answer. If not, an answer with CORS
            headers stays unchanged.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int | None = None
    override: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "CorsPolicy":
        """Create a policy from the API's `CorsConfig`."""

        def read_list(name: str) -> tuple[str, ...]:
            return tuple((config.get(name) or {}).get("Items") or ())

        return cls(
            origins=read_list("AccessControlAllowOrigins"),
            methods=read_list("AccessControlAllowMethods"),
            headers=read_list("AccessControlAllowHeaders"),
            exposed=read_list("AccessControlExposeHeaders"),
            credentials=bool(config.get("AccessControlAllowCredentials")),
            max_age=config.get("AccessControlMaxAgeSec"),
            override=bool(config.get("OriginOverride")),
        )

    def apply(self, headers: Headers, origin: str | None) -> Headers:
        """Return an answer's headers with the CORS headers of this policy.

        Args:
            headers: The headers of the answer.
            origin: The `Origin` header of the request. None if the request has no such header.
        """
        own = any(name.startswith(PREFIX) for name, _ in headers)
        if own and not self.override:
            return headers
        kept = [(name, value) for name, value in headers if not name.startswith(PREFIX)]
        return kept if origin is None else [*kept, *self._create_headers(origin)]

    def _create_headers(self, origin: str) -> Headers:
        if not any(_matches_origin(pattern, origin) for pattern in self.origins):
            return []
        everyone = self.origins == ("*",) and not self.credentials
        added: Headers = [("access-control-allow-origin", "*" if everyone else origin)]
        if not everyone:
            added.append(("vary", "Origin"))
        if self.credentials:
            added.append(("access-control-allow-credentials", "true"))
        for name, values in (
            ("allow-methods", self.methods),
            ("allow-headers", self.headers),
            ("expose-headers", self.exposed),
        ):
            if values:
                added.append((PREFIX + name, ", ".join(values)))
        if self.max_age is not None:
            added.append(("access-control-max-age", str(self.max_age)))
        return added


def _matches_origin(pattern: str, origin: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), origin) is not None
