"""Checks a stage after its first `pulumi up`: `make first-account STAGE=dev`.

The command only reads. It prints a table, and its exit status is 1 if a check failed.
"""

import json
import socket
import subprocess
import sys
from typing import Annotated, Any, Final

import boto3
import requests
from botocore.config import Config
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from first_account.checks import Result, run_checks
from first_account.model import Stage, Verdict

_COLOURS: Final = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.NOT_YET: "yellow"}
app = App(
    name="python -m first_account", help="Check a stage after its first deployment. Nothing is changed."
)


class StackError(Exception):
    """The outputs of the stack could not be read."""


def open_stage(name: str) -> Stage:
    """Return the stage of a stack, with the credentials of the environment.

    Raises:
        StackError: Pulumi cannot read the outputs of the stack.
    """

    def run_pulumi(*command: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 - a list of arguments, without a shell
                ["pulumi", *command, "--stack", name],  # noqa: S607 - the user's Pulumi
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise StackError(
                "the Pulumi command line is not installed: https://www.pulumi.com/docs/install/"
            ) from error

    done = run_pulumi("stack", "output", "--json")
    if done.returncode:
        raise StackError(f"`pulumi stack output --stack {name}` failed: {done.stderr.strip()}")
    outputs = json.loads(done.stdout)
    if "tables" not in outputs:
        raise StackError(f"the stack {name} has no outputs: run `pulumi up -s {name}` first")
    session: Any = boto3.Session()  # boto3 has no types of its clients
    config = Config(retries={"mode": "adaptive", "max_attempts": 10})
    return Stage(
        name=name,
        region=_read_region(outputs["tables"]["projects"]["arn"]),
        outputs=outputs,
        get_client=lambda service, region: session.client(service, region_name=region, config=config),
        resolve=socket.gethostbyname,
        http=requests.Session(),
        run_pulumi=run_pulumi,
    )


def _read_region(arn: str) -> str:
    """Return the region in an ARN."""
    return arn.split(":")[3]


def create_table(results: list[Result]) -> Table:
    """Return the table of the results. Only the rows of failed checks contain advice."""
    table = Table("check", "result", "what was found", "what to do", show_lines=True)
    for each in results:
        verdict = each.finding.verdict
        table.add_row(
            Text(f"{each.check.name}\n{each.check.fact}"),
            Text(verdict.value, style=_COLOURS[verdict]),
            Text(each.finding.detail),
            Text(each.check.advice if verdict is Verdict.FAILED else ""),
        )
    return table


def check_stage(stage: Stage, console: Console) -> int:
    """Run all checks, print the table and return the exit status."""
    with console.status("") as status:
        results = run_checks(stage, on_check=status.update)
    console.print(create_table(results))
    counts = {verdict: sum(each.finding.verdict is verdict for each in results) for verdict in Verdict}
    console.print(", ".join(f"{count} {verdict.value}" for verdict, count in counts.items()))
    return 1 if counts[Verdict.FAILED] else 0


@app.default
def check(*, stage: Annotated[str, Parameter(help="The name of the Pulumi stack.")]) -> int:
    """Check a deployed stage. The exit status is 1 if a check failed."""
    try:
        return check_stage(open_stage(stage), Console(highlight=False))
    except StackError as error:
        Console(stderr=True, highlight=False).print(Text(str(error)))
        return 1


if __name__ == "__main__":
    sys.exit(app())
