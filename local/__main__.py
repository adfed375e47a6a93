"""Command line of the embedded cloud.

`make up` runs `python -m local up`, and `make demo` runs `python -m local demo`.
"""

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

from local.cloud import EDGE_PORT, EMULATOR_PORT, EXAMPLE_NAME, Cloud, EngineName, Ports, User
from local.demo.demo import ConnectedProject, DemoError, check_site, connect_and_push, push_commit
from local.demo.image_checks import check_images
from local.demo.picture import draw_screenshot
from local.demo.site_checks import CheckError
from local.edge.listener import EdgePortTakenError
from local.emulator.emulator import EmulatorError
from local.engine.engine import EngineError
from local.git_server import GitError, GitNotFoundError
from local.layers import LayerError
from local.node import NodeMissingError
from local.progress import Progress, format_error
from local.pulumi_engine.cli import PulumiFailedError, PulumiMissingError
from local.stage import LOCAL_STAGE

ROOT = Path(__file__).parent.parent
EXAMPLE_FOLDER = ROOT / "examples" / EXAMPLE_NAME
EXPECTED_ERRORS = (
    CheckError,
    DemoError,
    EdgePortTakenError,
    EmulatorError,
    EngineError,
    GitError,
    GitNotFoundError,
    LayerError,
    NodeMissingError,
    PulumiFailedError,
    PulumiMissingError,
)
EXIT_INTERRUPTED = 130  # the shell's exit status for a command ended by Ctrl-C

app = App(name="python -m local", help="The embedded cloud: the whole platform on this machine.")
EmulatorPort = Annotated[int, Parameter(env_var="ANCHOR_EMULATOR_PORT", help="Port of the embedded AWS.")]
EdgePort = Annotated[int, Parameter(env_var="ANCHOR_EDGE_PORT", help="Port of the deployed sites.")]


@app.command
def up(
    *,
    emulator_port: EmulatorPort = EMULATOR_PORT,
    edge_port: EdgePort = EDGE_PORT,
    folder: Annotated[
        ExistingDirectory, Parameter(help="The folder of the site to push: the root of a repository.")
    ] = EXAMPLE_FOLDER,
    stage: Annotated[
        str, Parameter(help="The stage to deploy, with the resources and names of its settings.")
    ] = LOCAL_STAGE,
    engine: Annotated[
        EngineName, Parameter(help="The engine that deploys: the repository's own, or `pulumi up`.")
    ] = "embedded",
) -> None:
    """Deploy the platform and push a site. Keep the platform and the site running until Ctrl-C."""
    progress = Progress()
    ports = Ports(emulator=emulator_port, edge=edge_port)
    with Cloud.start(root=ROOT, ports=ports, progress=progress, stage=stage, engine_name=engine) as cloud:
        user = cloud.create_user()
        pushed = connect_and_push(cloud, user, progress, folder)
        summary = Table.grid(padding=(0, 2))
        summary.add_row("Site", pushed.project["url"])
        summary.add_row("This release", pushed.deployment["url"])
        summary.add_row("Platform API", cloud.api_endpoint)
        summary.add_row("Image API", cloud.deployed.outputs["images"]["apiEndpoint"])
        summary.add_row("User", user.name)
        summary.add_row("Password", user.password)
        summary.add_row("Sign in with", format_sign_in_command(cloud, user))
        progress.console.print(Panel(summary, title="live", expand=False))
        if stage != LOCAL_STAGE:
            _print_commands(cloud, pushed.project["url"], progress)
        _push_on_enter(cloud, pushed, folder, progress)


@app.command
def demo(
    *,
    emulator_port: EmulatorPort = EMULATOR_PORT,
    edge_port: EdgePort = EDGE_PORT,
    screenshot: Annotated[Path | None, Parameter(help="Write the completed steps to this SVG file.")] = None,
) -> None:
    """Push the example site once, then check the live site and the image service.

    The exit status is 0 only if every check passed.
    """
    progress = Progress()
    ports = Ports(emulator=emulator_port, edge=edge_port)
    with Cloud.start(root=ROOT, ports=ports, progress=progress) as cloud:
        pushed = connect_and_push(cloud, cloud.create_user(), progress)
        check_site(pushed.visitor, pushed.sha, progress)
        check_images(cloud, pushed.client, progress)
    seconds = sum(step.seconds for step in progress.completed_steps)
    last_line = f"{len(progress.completed_steps)} steps passed in {seconds:.0f} s"
    progress.console.print(last_line)
    if screenshot:
        screenshot.write_text(draw_screenshot(progress.completed_steps, last_line), encoding="utf-8")


def format_sign_in_command(cloud: Cloud, user: User) -> str:
    """Return the command that signs in to this embedded cloud.

    After the sign-in, `anchor` commands use this cloud.
    """
    outputs = cloud.deployed.outputs
    return (
        f".venv/bin/python -m anchor login --api {cloud.api_endpoint} --user {user.name} "
        f"--client-id {outputs['userPoolClientId']} --cognito {cloud.emulator.endpoint_url}"
    )


def _print_commands(cloud: Cloud, url: str, progress: Progress) -> None:
    """Print commands that open a site of a stage other than `local`. No name server knows its domain."""
    for program, command in cloud.addresses.list_commands(url):
        progress.console.print(f"Open the site with {program}:", highlight=False)
        progress.console.print(f"  {command}", soft_wrap=True, highlight=False)


def _push_on_enter(cloud: Cloud, connected: ConnectedProject, folder: Path, progress: Progress) -> None:
    """Push the site's folder each time the user presses Enter, until Ctrl-C.

    If standard input is not a terminal, wait for Ctrl-C without pushing.
    """
    display_path = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    progress.console.print(f"Change {display_path} and press Enter to push it. Press Ctrl-C to stop.")
    while sys.stdin.isatty() and sys.stdin.readline():
        connected.repository.commit_folder(folder, "A change")
        try:
            push_commit(cloud, connected, "A change", progress)
        except DemoError as error:
            progress.console.print(format_error(error), soft_wrap=True)
    threading.Event().wait()


def _raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)


def main() -> int:
    """Run a command and return its exit status. Expected errors are printed without a traceback."""
    errors = Console(stderr=True, highlight=False)
    # SIGTERM (from a supervisor) and SIGHUP (from a closed terminal) must stop every child process as Ctrl-C
    # does. Therefore both signals raise SIGINT.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_interrupt)
    try:
        app()
    except EXPECTED_ERRORS as error:
        errors.print(format_error(error), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("stopped")
        return EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
