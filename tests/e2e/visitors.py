"""Different visitors and their requests, and two servers for comparison: the function and `next start`."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
import yaml
from attrs import field, frozen

from components.deploy.build_tools import make_zip
from components.sites.build import BUILDSPEC
from local.builds.environment import prepare_node_folder
from local.cloud import Cloud, find_free_ports
from local.layers import find_host_architecture
from local.node import find_node
from runtime.deploy.releases.publishing import build_release_alias

ROOT: Final = Path(__file__).parents[2]
SITE: Final = Path(__file__).with_name("middleware-site")
_END_OF_HEAD: Final = b"\0" * 8
_MAIN: Final = re.compile(r"<main[^>]*>(.*?)</main>", re.DOTALL)
# Headers that differ each time the same answer is sent, and headers that only one of the servers adds. For
# example, a function URL adds a content type to every answer.
_IGNORED_HEADERS: Final = frozenset(
    {
        "age",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "etag",
        "keep-alive",
        "server",
        "strict-transport-security",
        "transfer-encoding",
        "vary",
        "via",
        "x-anchor-body",
        "x-anchor-cache-control",
        "x-anchor-content-type",
        "x-cache",
        "x-nextjs-cache",
    }
)


@frozen(kw_only=True)
class VisitorProfile:
    """The properties of a visitor that a page can read."""

    cookie: str = ""
    user_agent: str = "Mozilla/5.0 (X11; Linux x86_64)"
    language: str = "en"
    country: str = "KH"
    authorization: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The request headers of the visitor."""
        given = {
            "cookie": self.cookie,
            "user-agent": self.user_agent,
            "accept-language": self.language,
            "x-country": self.country,
            "authorization": self.authorization,
        }
        return {name: value for name, value in given.items() if value}


@frozen(kw_only=True)
class VisitorRequest:
    """A request of one visitor.

    Attributes:
        path: The path with the query.
        form: `document`, `rsc` (navigation in the App Router) or `data` (navigation in the Pages Router).
    """

    visitor: VisitorProfile
    path: str
    method: str = "GET"
    form: str = "document"

    @property
    def headers(self) -> dict[str, str]:
        """All request headers."""
        of_the_form = {"rsc": {"rsc": "1"}, "data": {"x-nextjs-data": "1"}}.get(self.form, {})
        return {**self.visitor.headers, **of_the_form}


@frozen(kw_only=True)
class Reply:
    """An answer. All servers must give equal answers to the same request.

    Attributes:
        is_hit: Whether the answer came from the edge's cache. Comparisons ignore this attribute.
        control: The Cache-Control header that the visitor receives. Comparisons ignore this attribute.
    """

    status: int
    location: str
    cookies: tuple[str, ...]
    headers: Mapping[str, str]
    body: str
    is_hit: bool = field(default=False, eq=False)
    control: str | None = field(default=None, eq=False)

    @property
    def compared_parts(self) -> tuple[int, str, tuple[str, ...], str, str]:
        """The parts that must equal the answer of `next start`.

        Cache headers and script names are left out, because those of `next start` differ.
        """
        text = _MAIN.search(self.body)
        shown = text.group(1) if text else ""
        return self.status, self.location, self.cookies, self.headers.get("x-country", ""), shown


def _build_reply(status: int, pairs: Sequence[tuple[str, str]], body: bytes) -> Reply:
    headers = {name.lower(): value for name, value in pairs if name.lower() != "set-cookie"}
    location = urlsplit(headers.pop("location", ""))
    return Reply(
        status=status,
        location=location.path + (f"?{location.query}" if location.query else ""),
        cookies=tuple(value for name, value in pairs if name.lower() == "set-cookie"),
        headers={name: value for name, value in headers.items() if name not in _IGNORED_HEADERS},
        body=body.decode(errors="replace").strip(),
        is_hit=headers.get("x-cache", "").startswith("Hit"),
        control=headers.get("cache-control"),
    )


def _send_request(address: str, host: str, request: VisitorRequest) -> Reply:
    answer = requests.request(
        request.method,
        f"{address}{request.path}",
        headers={
            "host": host,
            "accept-encoding": "identity",
            "x-forwarded-proto": "http",
            **request.headers,
        },
        allow_redirects=False,
        timeout=60,
    )
    raw: Any = answer.raw
    return _build_reply(answer.status_code, list(raw.headers.items()), answer.content)


@frozen(kw_only=True)
class EdgeClient:
    """Sends requests to a live site through the edge."""

    url: str

    @property
    def host(self) -> str:
        """The site's host, with the edge's port."""
        return urlsplit(self.url).netloc

    def send(self, request: VisitorRequest) -> Reply:
        """Send a request to the live site."""
        return _send_request(f"http://127.0.0.1:{urlsplit(self.url).port}", self.host, request)


@frozen(kw_only=True)
class FunctionClient:
    """Calls the server function of one release directly, without the edge and its cache."""

    cloud: Cloud
    site: str
    host: str
    deployment_id: str
    origin_key: str = field(repr=False)

    @classmethod
    def from_release(cls, cloud: Cloud, site: str, host: str, deployment_id: str) -> Self:
        """Return a client of the server function of a live release. It sends the release's origin key."""
        _, keys = cloud.emulator.read_key_values(str(cloud.deployed.outputs["keyValueStoreArn"]))
        entry = json.loads(keys[host.partition(":")[0]])
        return cls(cloud=cloud, site=site, host=host, deployment_id=deployment_id, origin_key=entry["k"])

    def send(self, request: VisitorRequest) -> Reply:
        """Invoke the function with the event that its function URL would create for the edge's request."""
        path, _, query = request.path.partition("?")
        headers = {
            **request.headers,
            "host": self.host,
            "x-forwarded-host": self.host,
            "x-forwarded-proto": "http",
            "x-anchor-origin-key": self.origin_key,
            "x-anchor-cache": "shared",
        }
        cookie = headers.pop("cookie", "")
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            **({"cookies": cookie.split("; ")} if cookie else {}),
            "requestContext": {
                "domainName": self.host,
                "http": {
                    "method": request.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                },
                "requestId": "direct",
            },
            "isBase64Encoded": False,
        }
        answer = self.cloud.emulator.client("lambda").invoke(
            FunctionName=f"anchor-local-site-{self.site}-server",
            Qualifier=build_release_alias(self.deployment_id),
            Payload=json.dumps(event).encode(),
        )
        payload: bytes = answer["Payload"].read()
        assert "FunctionError" not in answer, payload
        head, _, body = payload.partition(_END_OF_HEAD)
        told = json.loads(head)
        pairs = [*told["headers"].items(), *(("set-cookie", each) for each in told.get("cookies") or ())]
        return _build_reply(told["statusCode"], pairs, b"" if request.method == "HEAD" else body)


@frozen(kw_only=True)
class NextStartClient:
    """Sends requests to `next start`, which serves one build instead of the platform."""

    port: int
    host: str

    def send(self, request: VisitorRequest) -> Reply:
        """Send a request to `next start`."""
        return _send_request(f"http://127.0.0.1:{self.port}", self.host, request)


def build_site(
    folder: Path, *, example: str, changes: Mapping[str, str | None], settings: Mapping[str, str]
) -> Path:
    """Build the site with the steps of a build, and return its folder.

    Args:
        folder: An empty folder.
        example: The example site whose locked dependencies are used.
        changes: New names of files, by their old names. The value None deletes a file.
        settings: Variables of the build, which choose a variant.
    """
    shutil.copytree(SITE, folder, dirs_exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "examples" / example / name, folder / name)
    # CodeBuild unpacks the build tools next to the checkout.
    unpacked = folder.with_name(f"{folder.name}-build")
    unpacked.mkdir()
    with zipfile.ZipFile(io.BytesIO(make_zip())) as archive:
        archive.extractall(unpacked)
    (unpacked / "source").symlink_to(folder)
    for name, new in changes.items():
        (folder / name).rename(folder / new) if new else (folder / name).unlink()
    node = prepare_node_folder(find_node(), folder.with_name(f"{folder.name}-node"))
    environment = {
        **os.environ,
        **settings,
        "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
        "ANCHOR_LAMBDA_ARCH": {"x86_64": "x64"}.get(find_host_architecture(), "arm64"),
        "ANCHOR_SHARP_VERSION": read_build_variable("ANCHOR_SHARP_VERSION"),
        "CODEBUILD_SRC_DIR": str(unpacked),
        "CI": "1",
        "NEXT_TELEMETRY_DISABLED": "1",
    }
    for command in (
        ("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"),
        ("bash", str(unpacked / "build_tools/steps.sh"), "open_next_build"),
    ):
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder


def read_build_variable(name: str) -> str:
    """Return a variable that the buildspec defines."""
    variables: dict[str, str] = yaml.safe_load(BUILDSPEC.read_text(encoding="utf-8"))["env"]["variables"]
    return variables[name]


@contextlib.contextmanager
def run_next_start(folder: Path, *, host: str, settings: Mapping[str, str]) -> Generator[NextStartClient]:
    """Run `next start` for a build until the context ends.

    Args:
        folder: The folder of the build.
        host: The host that visitors send in their requests.
        settings: The variables of the build. They are needed because `next start` reads `next.config` again.
    """
    port = find_free_ports().edge
    node = find_node()
    command = (str(node.node), "node_modules/next/dist/bin/next", "start", "-p", str(port), "-H", "127.0.0.1")
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            _wait_until_server_answers(port, process)
            yield NextStartClient(port=port, host=host)
        finally:
            process.terminate()


def _wait_until_server_answers(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            output = process.stdout.read() if process.stdout else ""
            raise AssertionError(f"next start ended: {output}")
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/", timeout=30)
            return
        time.sleep(0.2)
    raise AssertionError("next start does not answer")
