"""Compares sites under `next start` with the same sites on the platform.

`python -m tests.conformance SITE...` builds each site once, serves the build by `next start` and by the
platform on an embedded cloud, sends the same requests to both and prints the differences.
"""

import datetime as dt
import json
import os
import sys
import threading
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape

from local.cloud import Ports, find_free_ports
from local.progress import Progress
from tests.conformance.harness.builds import find_cache_folder
from tests.conformance.harness.cases import parse_cases
from tests.conformance.harness.external_server import run_external_server
from tests.conformance.harness.generation import BuildOutput, generate_cases
from tests.conformance.harness.next_server import NextServerError, run_next_start
from tests.conformance.harness.platform import Platform, ReleaseError
from tests.conformance.harness.report import (
    SiteResult,
    encode_result,
    print_cases,
    print_groups,
    print_table,
)
from tests.conformance.harness.run import CaseResult, run_cases, select_cases
from tests.conformance.harness.sites import Site, find_site, list_sites

app = App(name="python -m tests.conformance", help="Compare sites under `next start` and on the platform.")
console = Console(highlight=False, soft_wrap=True)


@app.default
def compare_sites(
    *names: Annotated[str, Parameter(help="Names of sites, or folders. By default all sites.")],
    only: Annotated[
        str, Parameter(help="Send only the cases whose name contains this text or matches it.")
    ] = "",
    keep: Annotated[bool, Parameter(help="Keep the servers of the last site running until Ctrl-C.")] = False,
    json_file: Annotated[
        Path | None, Parameter(name="--json", help="Write all results to this file.")
    ] = None,
    every: Annotated[bool, Parameter(help="Print each case, not each group of equal differences.")] = False,
    hand_written: Annotated[bool, Parameter(help="Send only the requests of requests.json.")] = False,
) -> None:
    """Compare sites and print the differences. The exit status is 1 if there is a difference."""
    sites = [find_site(name) for name in names] if names else list_sites()
    ports = (
        Ports(emulator=int(os.environ["ANCHOR_EMULATOR_PORT"]), edge=int(os.environ["ANCHOR_EDGE_PORT"]))
        if "ANCHOR_EMULATOR_PORT" in os.environ and "ANCHOR_EDGE_PORT" in os.environ
        else find_free_ports()
    )
    progress = Progress(console)
    results: dict[str, SiteResult] = {}
    with (
        run_external_server(),
        Platform.start(
            [site.name for site in sites],
            ports=ports,
            cache=find_cache_folder(),
            clock=lambda: dt.datetime.now(dt.UTC),
            progress=progress,
        ) as platform,
    ):
        for site in sites:
            try:
                results[site.name] = _compare_site(
                    platform,
                    site,
                    progress,
                    only=only,
                    hand_written=hand_written,
                    every=every,
                    keep=keep and site is sites[-1],
                )
            except (ReleaseError, NextServerError) as error:
                results[site.name] = str(error)
                console.print(f"  not compared: {escape(str(error))}", style="red")
    print_table(console, results)
    if json_file:
        json_file.write_text(
            json.dumps({name: encode_result(found) for name, found in results.items()}, indent=1)
        )
    sys.exit(
        any(isinstance(found, str) or any(not each.is_same for each in found) for found in results.values())
    )


def _compare_site(  # noqa: PLR0913 - the options of the command
    platform: Platform,
    site: Site,
    progress: Progress,
    *,
    only: str,
    hand_written: bool,
    every: bool,
    keep: bool,
) -> list[CaseResult]:
    with progress.step(f"{site.name}: built and released") as step:
        live = platform.release(site, step)
    folder = live.build.source / site.root
    with run_next_start(
        folder,
        host=live.name,
        port=platform.cloud.ports.edge,
        variables=live.variables,
        log=live.build.folder / "next-start.log",
    ) as server:
        cases = [] if hand_written else list(generate_cases(BuildOutput.read(folder)))
        cases = select_cases([*cases, *parse_cases(site.cases)], only)
        results: list[CaseResult] = []
        with progress.step(f"{site.name}: compared") as step:
            results.extend(run_cases(cases, (server, live.server), volatile=site.volatile, show=step.show))
            different = sum(not result.is_same for result in results)
            step.detail = f"{len(results)} cases, {different} with differences"
        (print_cases if every else print_groups)(console, results)
        if keep:
            console.print(
                f"next start: curl -H 'Host: {server.host}' http://{server.address[0]}:{server.address[1]}/"
            )
            console.print(f"platform:   curl -H 'Host: {server.host}' http://127.0.0.1:{server.address[1]}/")
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                console.print("stopped")
    return results


if __name__ == "__main__":
    app()
