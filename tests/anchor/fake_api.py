"""A fake API and a fake Cognito on one loopback port, and the command line of a user who is signed in."""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from attrs import Factory, define, frozen

from anchor.__main__ import main
from anchor.client import Client
from anchor.credentials import Credentials, CredentialsFile
from anchor.terminal import Terminal

Json = dict[str, Any]

NOW: Final = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SHOP: Final = "01JD8QZ5W3V7K2M4N6P8R0T1XY"
BLOG: Final = "01JD8QZ5W3V7K2M4N6P8R0T1XZ"
TOKEN: Final = "token-of-ada"
PASSWORD: Final = "a-long-password"


class Answer(NamedTuple):
    """An answer of the API. The body is sent as JSON, unless it is text."""

    status: int
    body: Json | str


def make_deployment_id(number: int) -> str:
    """Return the id of the deployment with a number. Later deployments have greater ids."""
    return f"01JE8QZ5W3V7K2M4N6P8R0{number:04d}"


def format_time(minutes_ago: float) -> str:
    return (NOW - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")


def make_deployment(number: int, status: str, **changes: object) -> Json:
    """Return a deployment of the shop. Deployment 9 is a minute old, 8 two minutes and so on."""
    created = 10.0 - number
    deployment = {
        "deploymentId": make_deployment_id(number),
        "projectId": SHOP,
        "status": status,
        "branch": "main",
        "commitSha": f"{number:x}" * 40,
        "commitMessage": f"Change {number}\n\nWith details.",
        "commitAuthor": "Ada",
        "source": "push",
        "createdAt": format_time(created),
        "updatedAt": format_time(created - 0.5),
    }
    if status in {"live", "retired", "ready"}:
        deployment["url"] = f"https://{make_deployment_id(number).lower()}--next-site.example.com"
    return deployment | changes


@define
class FakeApi:
    """The state of a fake API.

    Attributes:
        url: URL of the API. Cognito is at `/cognito` below it.
        projects: The projects, newest first.
        deployments: The deployments of the shop, newest first.
        variables: The variables of the shop.
        log_pages: The pages of the run-time log of the shop. From the second one, the log is up to date.
        log_queries: The parameters of each request for the run-time log.
        overrides: Answers in place of the normal ones, by method and path. Each is used once.
        requests: The method, path and body of each request.
        agents: The header `User-Agent` of each request.
    """

    url: str = ""
    projects: list[Json] = Factory(list)
    deployments: list[Json] = Factory(list)
    variables: list[Json] = Factory(list)
    log_pages: list[list[Json]] = Factory(list)
    log_queries: list[dict[str, str]] = Factory(list)
    overrides: dict[tuple[str, str], list[Answer]] = Factory(dict)
    requests: list[tuple[str, str, Any]] = Factory(list)
    agents: list[str] = Factory(list)

    def find_project(self, project_id: str) -> Json | None:
        return next((each for each in self.projects if each["projectId"] == project_id), None)

    def find_deployment(self, deployment_id: str) -> Json | None:
        return next((each for each in self.deployments if each["deploymentId"] == deployment_id), None)

    def list_changes(self) -> list[tuple[str, str, Any]]:
        """Return the requests that can change something."""
        return [each for each in self.requests if each[0] != "GET"]

    def answer(  # noqa: PLR0911 - a return for each route
        self, method: str, path: str, query: Mapping[str, str], body: Json, token: str | None
    ) -> Answer:
        """Return the answer of the API to a request."""
        self.requests.append((method, path, body or None))
        if waiting := self.overrides.get((method, path)):
            return waiting.pop(0)
        if path == "/cognito/":
            return self._sign_in(body)
        if path == "/openapi.json":
            return Answer(200, {"openapi": "3.1.0"})
        if token != TOKEN:
            return Answer(401, {"message": "Unauthorized"})
        match [method, *path.strip("/").split("/")]:
            case ["GET", "sites"]:
                return Answer(200, {"sites": self._list_sites()})
            case ["GET", "projects"]:
                return Answer(200, {"projects": self.projects, "cursor": None})
            case [_, "projects", project_id, *rest] if project := self.find_project(project_id):
                return self._answer_project(method, project, rest, query, body)
            case [_, "deployments", deployment_id, *rest] if deployment := self.find_deployment(
                deployment_id
            ):
                return self._answer_deployment(deployment, rest, body)
            case _:
                return Answer(404, {"detail": f"{path} does not exist"})

    def _sign_in(self, body: Json) -> Answer:
        if body.get("AuthParameters", {}).get("PASSWORD") != PASSWORD:
            return Answer(400, {"message": "Incorrect username or password."})
        token = TOKEN if body["ClientId"] == "client" else "token-of-another-pool"
        result = {"AccessToken": token, "RefreshToken": "refresh", "ExpiresIn": 3600}
        return Answer(200, {"AuthenticationResult": result})

    def _list_sites(self) -> list[Json]:
        used = {each["site"]: each["projectId"] for each in self.projects}
        sites = ("next-site", "blog-site", "free-site", "other-site")
        return [
            {
                "site": site,
                "url": f"https://{site}.example.com",
                "available": site == "free-site",
                "projectId": used.get(site),
            }
            for site in sites
        ]

    def _answer_project(  # noqa: PLR0911 - a return for each route
        self, method: str, project: Json, rest: list[str], query: Mapping[str, str], body: Json
    ) -> Answer:
        match [method, *rest]:
            case ["GET"]:
                return Answer(200, project)
            case ["PATCH"]:
                project |= body
                return Answer(200, project)
            case ["DELETE"]:
                self.projects.remove(project)
                return Answer(204, "")
            case ["GET", "env"]:
                return Answer(200, {"version": 1, "variables": self.variables})
            case ["PATCH", "env"]:
                changed = {each["name"] for each in body["set"]} | {*body["remove"]}
                kept = [each for each in self.variables if each["name"] not in changed]
                self.variables = [*kept, *body["set"]]
                return Answer(200, {"version": 2, "variables": self.variables})
            case ["GET", "deployments"]:
                return self._list_deployments(project, query)
            case ["GET", "logs"]:
                return self._answer_log(query)
            case ["POST", "deployments"]:
                started = make_deployment(9, "queued", commitMessage="", **body)
                self.deployments.insert(0, started)
                return Answer(201, started)
            case _:
                return Answer(404, {"detail": "not found"})

    def _answer_log(self, query: Mapping[str, str]) -> Answer:
        """Return a page of the run-time log. The last page has no cursor."""
        self.log_queries.append(dict(query))
        number = int(query.get("cursor", "0"))
        following = str(number + 1) if number + 1 < len(self.log_pages) else None
        return Answer(200, {"lines": self.log_pages[number], "cursor": following, "isUpToDate": number > 0})

    def _list_deployments(self, project: Json, query: Mapping[str, str]) -> Answer:
        """Return a page of at most two deployments, as a small page size shows errors of paging."""
        wanted = {*query["status"].split(",")} if "status" in query else None
        found = [each for each in self.deployments if wanted is None or each["status"] in wanted]
        start, size = int(query.get("cursor", "0")), min(2, int(query.get("limit", "20")))
        end = start + size
        page = found[start:end]
        cursor = str(end) if end < len(found) else None
        return Answer(200, {"deployments": page, "cursor": cursor, "pinned": project["pinned"]})

    def _answer_deployment(self, deployment: Json, rest: list[str], body: Json) -> Answer:
        match rest:
            case []:
                return Answer(200, deployment)
            case ["logs"]:
                return Answer(200, {"lines": [{"at": None, "text": "npm ci"}], "cursor": None})
            case ["cancel"]:
                deployment["status"] = "cancelled"
                return Answer(200, deployment)
            case ["promote"]:
                for each in self.deployments:
                    if each["status"] == "live":
                        each["status"] = "retired"
                deployment["status"] = "live"
                project = self.find_project(SHOP)
                assert project
                project["live"] = {"deploymentId": deployment["deploymentId"]}
                project["pinned"] = body["pin"] or project["pinned"]
                return Answer(200, {**deployment, "pinned": project["pinned"]})
            case _:
                return Answer(404, {"detail": "not found"})


def make_fake_api() -> FakeApi:
    """Return an API with two projects of the user, and seven deployments of the first project."""
    deployments = [
        make_deployment(8, "failed", failure={"step": "BUILD", "reason": "it broke", "logTail": ["why"]}),
        make_deployment(7, "live", liveAt=format_time(2)),
        make_deployment(6, "superseded"),
        make_deployment(5, "retired"),
        make_deployment(4, "cancelled"),
        make_deployment(3, "retired"),
        {key: value for key, value in make_deployment(2, "retired").items() if key != "url"},
    ]
    shop = {
        "projectId": SHOP,
        "name": "My shop",
        "site": "next-site",
        "url": "https://next-site.example.com",
        "repositoryUrl": "https://github.com/ada/shop",
        "branch": "main",
        "live": {"deploymentId": make_deployment_id(7)},
        "pinned": False,
        "deleting": False,
        "createdAt": format_time(3 * 24 * 60),
        "updatedAt": format_time(1),
    }
    blog = shop | {
        "projectId": BLOG,
        "name": "Blog",
        "site": "blog-site",
        "url": "https://blog-site.example.com",
        "repositoryUrl": "https://github.com/ada/blog.git",
        "live": None,
    }
    variables = [
        {"name": "API_URL", "value": "https://api.example.com", "isSecret": False},
        {"name": "API_KEY", "isSecret": True},
    ]
    return FakeApi(projects=[shop, blog], deployments=deployments, variables=variables)


class _Handler(BaseHTTPRequestHandler):
    """The HTTP server of a `FakeApi`."""

    api: FakeApi

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.api.agents.append(self.headers.get("User-Agent", ""))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        answer = self.api.answer(
            self.command, url.path, dict(parse_qsl(url.query)), json.loads(text or "{}"), token
        )
        content = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of http.server


@contextmanager
def serve(api: FakeApi):  # noqa: ANN201 - a context manager without a value
    """Serve an API on a loopback port, and set its URL."""
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Result(NamedTuple):
    """The exit status, the output and the error output of a command."""

    status: int
    out: str
    err: str


@frozen(kw_only=True)
class Anchor:
    """The command line of Ada.

    Attributes:
        api: The API to which Ada is signed in.
        file: Ada's credentials.
        folder: The folder in which the commands run.
        capture: Reads the output.
        pauses: The pauses in seconds that commands requested.
        opened: The URLs that were opened in the browser.
    """

    api: FakeApi
    file: CredentialsFile
    folder: Path
    capture: Callable[[], tuple[str, str]]
    pauses: list[float] = Factory(list)
    opened: list[str] = Factory(list)

    def run(
        self,
        *arguments: str,
        answers: tuple[str, ...] = (),
        width: int | None = None,
        folder: Path | None = None,
    ) -> Result:
        """Run a command and enter `answers` at its prompts."""
        given = iter(answers)
        terminal = Terminal(
            client=Client(file=self.file, now=NOW.timestamp, pause=self.pauses.append),
            prompt_hidden=lambda _: next(given),
            prompt=lambda _: next(given),
            pause=self.pauses.append,
            supports_colors=lambda: False,
            get_width=lambda: width,
            get_folder=lambda: folder or self.folder,
            open_url=self._open_url,
        )
        self.capture()
        status = main(arguments, terminal)
        return Result(status, *self.capture())

    def run_ok(self, *arguments: str, **options: Any) -> str:  # noqa: ANN401 - options of `run`
        """Run a command that must succeed without a message, and return its output."""
        result = self.run(*arguments, **options)
        assert (result.status, result.err) == (0, ""), result.err
        return result.out

    def run_json(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON
        """Run a command with `--json`, and return the JSON, which must be alone on standard output."""
        return json.loads(self.run_ok(*arguments, "--json"))

    def sign_in(self) -> None:
        """Store valid credentials without a request."""
        self.file.write(
            Credentials(
                api=self.api.url,
                cognito=f"{self.api.url}/cognito",
                client_id="client",
                user="ada@example.com",
                access_token=TOKEN,
                refresh_token="refresh",
                expires_at=NOW.timestamp() + 3600,
                signed_in_until=NOW.timestamp() + 29 * 24 * 3600,
            )
        )

    def _open_url(self, url: str) -> bool:
        self.opened.append(url)
        return True
