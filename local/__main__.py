"""Command line of the embedded cloud.

`make up` runs `python -m local up`, and `make demo` runs `python -m local demo`.
"""

import os
import shlex
import signal
import stat
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.types import ExistingDirectory
from rich.console import Console

from local.cloud import EDGE_PORT, EMULATOR_PORT, EXAMPLE_NAME, Cloud, EngineName, Ports, User, check_settings
from local.demo.demo import (
    FIRST_COMMIT,
    ConnectedProject,
    DemoError,
    check_site,
    connect_and_push,
    connect_project,
    push_commit,
)
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
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOPPED = "Stopped. All users, projects and data of this embedded cloud are lost: the next one starts empty."

app = App(
    name="python -m local",
    help="The embedded cloud: the whole platform on this machine.",
    suppress_keyboard_interrupt=False,  # `main` handles it
)
EmulatorPort = Annotated[int, Parameter(env_var="ANCHOR_EMULATOR_PORT", help="Port of the embedded AWS.")]
StageFiles = Annotated[
    ExistingDirectory | None,
    Parameter(env_var="ANCHOR_STAGE_FILES", help="Folder of the stage files. By default the checkout."),
]
EdgePort = Annotated[int, Parameter(env_var="ANCHOR_EDGE_PORT", help="Port of the deployed sites.")]


@app.command
def up(  # noqa: PLR0913 - the options of the command
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
    stage_files: StageFiles = None,
) -> None:
    """Deploy the platform and push a site. Keep the platform and the site running until Ctrl-C."""
    check_settings(stage_files or ROOT, stage)
    progress = Progress()
    ports = Ports(emulator=emulator_port, edge=edge_port)
    with Cloud.start(
        root=ROOT,
        ports=ports,
        progress=progress,
        stage=stage,
        engine_name=engine,
        stage_files=stage_files,
    ) as cloud:
        user = cloud.create_user()
        connected = connect_project(cloud, user, progress, folder)
        release = _push(cloud, connected, FIRST_COMMIT, progress)
        _print_addresses(cloud, connected, release, user, progress)
        if connected.project["url"].startswith("https:"):
            _print_commands(cloud, connected.project["url"], progress)
        _push_on_enter(cloud, connected, folder, progress)


@app.command
def demo(
    *,
    emulator_port: EmulatorPort = EMULATOR_PORT,
    edge_port: EdgePort = EDGE_PORT,
    screenshot: Annotated[Path | None, Parameter(help="Write the completed steps to this SVG file.")] = None,
    stage_files: StageFiles = None,
) -> None:
    """Push the example site once, then check the live site and the image service.

    The exit status is 0 only if every check passed.
    """
    check_settings(stage_files or ROOT, LOCAL_STAGE)
    progress = Progress()
    ports = Ports(emulator=emulator_port, edge=edge_port)
    with Cloud.start(root=ROOT, ports=ports, progress=progress, stage_files=stage_files) as cloud:
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


def format_environment(cloud: Cloud) -> list[str]:
    """Return shell commands that make AWS clients use this embedded cloud as its administrator."""
    administrator = cloud.emulator.administrator
    variables = {
        "AWS_ENDPOINT_URL": cloud.emulator.endpoint_url,
        "AWS_REGION": cloud.emulator.region,
        "AWS_DEFAULT_REGION": cloud.emulator.region,
        "AWS_ACCESS_KEY_ID": administrator.access_key_id,
        "AWS_SECRET_ACCESS_KEY": administrator.secret_access_key,
    }
    return [
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        "unset AWS_PROFILE AWS_SESSION_TOKEN",
    ]


def _push(cloud: Cloud, connected: ConnectedProject, message: str, progress: Progress) -> str | None:
    """Push the repository's last commit. Return the URL of the release, or print why there is none."""
    try:
        return str(push_commit(cloud, connected, message, progress).deployment["url"])
    except DemoError as error:
        progress.console.print(format_error(error), soft_wrap=True)
        return None


def _print_addresses(
    cloud: Cloud, connected: ConnectedProject, release: str | None, user: User, progress: Progress
) -> None:
    """Print what the user needs to use the embedded cloud, in lines that can be copied."""
    addresses = {
        "Site": connected.project["url"],
        "This release": release or "none: the first push failed",
        "Platform API": cloud.api_endpoint,
        "Image API": cloud.deployed.outputs["images"]["apiEndpoint"],
        "User": user.name,
        "Password": user.password,
    }
    _print_lines(progress, "", *(f"{label:<14}{value}" for label, value in addresses.items()))
    _print_lines(progress, "", "Sign in to the platform with the command line:")
    _print_lines(progress, f"  {format_sign_in_command(cloud, user)}")
    _print_lines(progress, "", "Use the embedded AWS in another terminal, for example with the AWS CLI:")
    _print_lines(progress, *(f"  {line}" for line in format_environment(cloud)))
    _print_lines(progress, "  .venv/bin/aws dynamodb list-tables", "")


def _print_lines(progress: Progress, *lines: str) -> None:
    """Print lines without wrapping, so that a terminal copies each of them as one line."""
    for line in lines:
        progress.console.print(line, soft_wrap=True, markup=False, highlight=False)


def _print_commands(cloud: Cloud, url: str, progress: Progress) -> None:
    """Print commands that open a site with an https URL. No name server knows its domain."""
    for program, command in cloud.addresses.list_commands(url):
        _print_lines(progress, f"Open the site with {program}:", f"  {command}", "")


def _push_on_enter(cloud: Cloud, connected: ConnectedProject, folder: Path, progress: Progress) -> None:
    """Push the site's folder each time the user presses Enter, until Ctrl-C.

    If standard input ends, wait for Ctrl-C without pushing.
    """
    display_path = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    _print_lines(progress, f"Change {display_path} and press Enter to push it. Press Ctrl-C to stop.")
    while _read_line():
        try:
            connected.repository.commit_folder(folder, "A change")
        except GitError as error:
            progress.console.print(format_error(error), soft_wrap=True)
            continue
        _push(cloud, connected, "A change", progress)
    threading.Event().wait()


def _read_line() -> str:
    """Return the next line of standard input, or an empty text if there is none.

    A background job of a shell cannot read from the terminal. If it tries to, SIGTTIN would suspend it. If
    the signal is ignored, the read fails instead.
    """
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    try:
        return sys.stdin.readline()
    except OSError:
        return ""


class StoppedError(KeyboardInterrupt):
    """A signal has ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, _frame: FrameType | None) -> None:
    """Raise `StoppedError`, so that the command stops everything that it started.

    A supervisor or a closed terminal can send several signals. They must not interrupt this cleanup. Only a
    second Ctrl-C interrupts it.
    """
    for other in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    if number == signal.SIGHUP:
        _discard_terminal_output()
    raise StoppedError(number)


def _discard_terminal_output() -> None:
    """Discard later output if it would go to a terminal, because the terminal is closed."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                os.dup2(nowhere.fileno(), descriptor)


def main() -> int:
    """Run a command and return its exit status. Expected errors are printed without a traceback."""
    errors = Console(stderr=True, highlight=False)
    for number in STOP_SIGNALS:
        # `nohup` lets a command ignore SIGHUP, and a script lets its background jobs ignore SIGINT.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        app()
    except EXPECTED_ERRORS as error:
        errors.print(format_error(error), soft_wrap=True)
        return 1
    except StoppedError as stopped:
        errors.print(STOPPED, soft_wrap=True)
        return 128 + stopped.number  # the exit status that shells report for a command that a signal ended
    return 0


if __name__ == "__main__":
    sys.exit(main())
