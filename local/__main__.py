"""The embedded cloud's commands: `make up` and `make demo` run `python -m local up` and `demo`."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.types import ExistingDirectory
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from local.cloud import EDGE_PORT, EMULATOR_PORT, EXAMPLE, Cloud, Ports, User
from local.demo.demo import Connected, DemoFailed, prove_the_site, push, push_to_live
from local.demo.image_checks import prove_the_images
from local.demo.picture import picture
from local.demo.site_checks import CheckFailed
from local.edge.listener import EdgePortTakenError
from local.emulator.emulator import EmulatorError
from local.engine.engine import EngineError
from local.git_server import GitError, GitNotFoundError
from local.layers import LayerError
from local.node import NodeMissingError
from local.progress import Progress, reason

ROOT = Path(__file__).parent.parent
EXAMPLE_FOLDER = ROOT / "examples" / EXAMPLE
EXPLAINED = (
    CheckFailed,
    DemoFailed,
    EdgePortTakenError,
    EmulatorError,
    EngineError,
    GitError,
    GitNotFoundError,
    LayerError,
    NodeMissingError,
)
INTERRUPTED = 130  # the shell's exit status for a command ended by Ctrl-C

app = App(name="python -m local", help="The embedded cloud: the whole platform on this machine.")
EmulatorPort = Annotated[int, Parameter(env_var="ANCHOR_EMULATOR_PORT", help="Port of the embedded AWS.")]
EdgePort = Annotated[int, Parameter(env_var="ANCHOR_EDGE_PORT", help="Port of the sites.")]


@app.command
def up(
    *,
    emulator_port: EmulatorPort = EMULATOR_PORT,
    edge_port: EdgePort = EDGE_PORT,
    folder: Annotated[
        ExistingDirectory, Parameter(help="The site to push: the root of a repository.")
    ] = EXAMPLE_FOLDER,
) -> None:
    """Deploy everything, push a site, and keep it all running until Ctrl-C."""
    progress = Progress()
    ports = Ports(emulator=emulator_port, edge=edge_port)
    with Cloud.running(root=ROOT, ports=ports, progress=progress) as cloud:
        user = cloud.create_user()
        pushed = push_to_live(cloud, user, progress, folder)
        summary = Table.grid(padding=(0, 2))
        summary.add_row("Site", pushed.project["url"])
        summary.add_row("This release", pushed.deployment["url"])
        summary.add_row("Platform API", cloud.api_endpoint)
        summary.add_row("Image API", cloud.deployed.outputs["images"]["apiEndpoint"])
        summary.add_row("User", user.name)
        summary.add_row("Password", user.password)
        summary.add_row("Sign in with", sign_in_command(cloud, user))
        progress.console.print(Panel(summary, title="live", expand=False))
        _push_again_and_again(cloud, pushed, folder, progress)


@app.command
def demo(
    *,
    emulator_port: EmulatorPort = EMULATOR_PORT,
    edge_port: EdgePort = EDGE_PORT,
    screenshot: Annotated[Path | None, Parameter(help="An SVG file to draw the proven steps in.")] = None,
) -> None:
    """Push the example site to live once and prove everything it does; exit 0 only if all of it held."""
    progress = Progress()
    ports = Ports(emulator=emulator_port, edge=edge_port)
    with Cloud.running(root=ROOT, ports=ports, progress=progress) as cloud:
        pushed = push_to_live(cloud, cloud.create_user(), progress)
        prove_the_site(pushed.visitor, pushed.sha, progress)
        prove_the_images(cloud, pushed.client, progress)
    seconds = sum(proof.seconds for proof in progress.proofs)
    last_line = f"{len(progress.proofs)} steps held, in {seconds:.0f} s"
    progress.console.print(last_line)
    if screenshot:
        screenshot.write_text(picture(progress.proofs, last_line), encoding="utf-8")


def sign_in_command(cloud: Cloud, user: User) -> str:
    """How one signs in here with the command line, whose commands then work here."""
    outputs = cloud.deployed.outputs
    return (
        f".venv/bin/python -m anchor login --api {cloud.api_endpoint} --user {user.name} "
        f"--client-id {outputs['userPoolClientId']} --cognito {cloud.emulator.endpoint_url}"
    )


def _push_again_and_again(cloud: Cloud, connected: Connected, folder: Path, progress: Progress) -> None:
    """Push the site's folder as it is whenever the user presses Enter, until Ctrl-C."""
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    progress.console.print(f"Change {shown} and press Enter to push it. Ctrl-C stops everything.")
    while sys.stdin.isatty() and sys.stdin.readline():
        connected.repository.commit_folder(folder, "A change")
        try:
            push(cloud, connected, "A change", progress)
        except DemoFailed as error:
            progress.console.print(reason(error), soft_wrap=True)
    threading.Event().wait()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)


def main() -> int:
    """Run a command; returns its exit status. What can go wrong is said in a sentence, not in a traceback."""
    errors = Console(stderr=True, highlight=False)
    # A terminal that closes or a supervisor that stops us must not leave anything running either.
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    try:
        app()
    except EXPLAINED as error:
        errors.print(reason(error), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("stopped")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
