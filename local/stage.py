"""The deployed stage on this machine: its hosted zones, and the commands that open its sites."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
from attrs import frozen
from requests.adapters import HTTPAdapter

LOCAL_STAGE: Final = "local"
# The domain names of the embedded cloud's distributions are below this domain.
DISTRIBUTIONS: Final = "cloudfront.localhost"
# The hosts of function URLs are below this domain.
FUNCTION_URLS: Final = "on.aws"


def find_hosted_zones(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the hosted zones in a stage's settings, by ID.

    The settings contain the ID of a zone, but not its name. The name is the longest common parent of the
    domains that the settings place in the zone.

    Args:
        settings: The value of `anchor-deploy:stage`.
    """
    images = cast("Mapping[str, Any]", settings.get("images") or {})
    zones: dict[str, str] = {}
    for part, name in ((settings, "domain"), (images, "zone")):
        if "hostedZoneId" in part and name in part:
            zone_id, domain = str(part["hostedZoneId"]), str(part[name])
            zones[zone_id] = _find_common_parent_domain(zones.get(zone_id, domain), domain)
    return zones


def _find_common_parent_domain(one: str, other: str) -> str:
    common: list[str] = []
    for label, expected in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if label != expected:
            break
        common.insert(0, label)
    return ".".join(common)


@frozen(kw_only=True)
class StageAddresses:
    """The addresses of a stage's sites on this machine.

    Every client on this machine can reach the sites of the stage `local` by their URLs. The URL of a site of
    another stage has the stage's real domain and no port, so a client must be told where to connect.

    Attributes:
        edge_port: The port of the local edge.
        authority: The file (PEM) of the certificate authority of the local edge.
    """

    edge_port: int
    authority: Path

    def list_commands(self, url: str) -> Iterator[tuple[str, str]]:
        """Yield the name and command of each program that can open a URL of a stage other than `local`."""
        address = f"127.0.0.1:{self.edge_port}"
        yield "curl", f"curl --cacert {self.authority} --connect-to ::{address} {url}"
        options = f'--ignore-certificate-errors --host-resolver-rules="MAP * {address}"'
        yield "Chromium", f'chromium --user-data-dir="$(mktemp -d)" {options} {url}'

    def create_session(self) -> requests.Session:
        """Return a session in which every HTTPS URL leads to the local edge, with its certificate checked."""
        session = requests.Session()
        # Settings of this machine, such as a proxy or other authorities, must not apply.
        session.trust_env = False
        session.verify = str(self.authority)
        session.mount("https://", _EdgeAdapter(self.edge_port))
        return session


class _EdgeAdapter(HTTPAdapter):
    """Connects to the local edge instead of the URL's host."""

    def __init__(self, edge_port: int) -> None:
        self._edge_port = edge_port
        super().__init__()

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: bool | str,  # noqa: FBT001 - the parameters of requests
        cert: Any = None,  # noqa: ANN401
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the address of the local edge, and the host name that its certificate must have."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        name = str(host["host"])
        return (
            {**host, "host": "127.0.0.1", "port": self._edge_port},
            {**tls, "server_hostname": name, "assert_hostname": name},
        )

    def add_headers(self, request: requests.PreparedRequest, **_options: object) -> None:
        """Set the `Host` header to the URL's host. Otherwise, it would contain the address of the edge."""
        request.headers["Host"] = urlsplit(str(request.url)).netloc
