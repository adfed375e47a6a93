"""Compares sites under `next start` with the same sites on the platform.

`python -m tests.conformance SITE...` builds each site once, serves the build by `next start` and by the
platform on an embedded cloud, sends the same requests to both and prints the differences.
"""

import datetime as dt
import json
import os
import sys
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from local.cloud import Ports, find_free_ports
from local.progress import Progress
from tests.conformance.harness.build_output import BuildOutput
from tests.conformance.harness.builds import find_cache_folder
from tests.conformance.harness.cases import parse_cases
from tests.conformance.harness.exchange import Server
from tests.conformance.harness.external_server import run_external_server
from tests.conformance.harness.generation import generate_cases
from tests.conformance.harness.next_server import NextServerError, run_next_start
from tests.conformance.harness.platform import LiveSite, Platform, ReleaseError
from tests.conformance.harness.record import RESULT, make_record, read_record, write_record
from tests.conformance.harness.report import (
    SiteResult,
    encode_result,
    is_expected,
    print_cases,
    print_groups,
    print_table,
)
from tests.conformance.harness.run import CaseResult, run_cases, select_cases
from tests.conformance.harness.sites import Site, SiteMissingError, find_site, list_sites

app = App(name="python -m tests.conformance", help="Compare sites under `next start` and on the platform.")
_BUILDS = 2  # builds at a time
_POLL_SECONDS = 0.5
console = Console(highlight=False, soft_wrap=True)


@app.default
def compare_sites(  # noqa: PLR0913 - the options of the command
    *names: Annotated[str, Parameter(help="Names of sites, or folders. By default all sites.")],
    only: Annotated[
        str, Parameter(help="Send only the cases whose name contains this text or matches it.")
    ] = "",
    keep: Annotated[bool, Parameter(help="Keep the servers of each site running until Ctrl-C.")] = False,
    json_file: Annotated[
        Path | None, Parameter(name="--json", help="Write all results to this file.")
    ] = None,
    every: Annotated[bool, Parameter(help="Print each case, not each group of equal differences.")] = False,
    hand_written: Annotated[bool, Parameter(help="Send only the requests of requests.json.")] = False,
    record: Annotated[
        bool, Parameter(help="Record the results of these sites, from which docs/nextjs-support.md is made.")
    ] = False,
) -> None:
    """Compare sites and print the differences. The exit status is 1 if there is a difference."""
    sites = [find_site(name) for name in names] if names else list_sites()
    progress = Progress(console)
    results: dict[str, SiteResult] = {}
    lines: dict[str, str] = {}
    with (
        run_external_server(),
        Platform.start(
            [site.name for site in sites],
            ports=_find_ports(),
            cache=find_cache_folder(),
            clock=lambda: dt.datetime.now(dt.UTC),
            progress=progress,
        ) as platform,
        _start_threads() as threads,
    ):
        releases = [(site, threads.submit(_release_site, platform, site, lines)) for site in sites]
        for site, future in releases:
            live = _wait_for_release(site, future, lines, progress)
            results[site.name] = found = _compare_site(
                platform, site, live, progress, only=only, hand_written=hand_written, keep=keep
            )
            if not isinstance(found, str):
                (print_cases if every else print_groups)(console, found)
            if record:  # after each site, so that an interrupted run is not lost
                former = read_record().sites if RESULT.exists() else {}
                write_record(make_record(results, list_sites(), former))
            if json_file:
                encoded = {name: encode_result(each) for name, each in results.items()}
                json_file.write_text(json.dumps(encoded, indent=1), encoding="utf-8")
    print_table(console, results, sites)
    sys.exit(not all(is_expected(site, results[site.name]) for site in sites))


def _find_ports() -> Ports:
    """Return the ports of the variables that `make up` reads, too, or free ones."""
    try:
        return Ports(
            emulator=int(os.environ["ANCHOR_EMULATOR_PORT"]), edge=int(os.environ["ANCHOR_EDGE_PORT"])
        )
    except KeyError:
        return find_free_ports()


@contextmanager
def _start_threads() -> Generator[ThreadPoolExecutor]:
    """Start the threads of the releases. After an interruption, releases in progress end with the cloud."""
    threads = ThreadPoolExecutor(_BUILDS)
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _release_site(platform: Platform, site: Site, lines: dict[str, str]) -> LiveSite | str:
    """Release a site. Return the live site, or the reason why it is not live.

    Args:
        platform: The platform.
        site: The site.
        lines: Gets the latest line of the progress, by the name of the site.
    """
    try:
        return platform.release(site, partial(lines.__setitem__, site.name))
    except ReleaseError as error:
        return str(error)


def _wait_for_release(
    site: Site, future: Future[LiveSite | str], lines: Mapping[str, str], progress: Progress
) -> LiveSite | str:
    """Wait for a release, and show its progress. Later sites are built in the meantime."""
    with progress.step(f"{site.name}: built and released") as step:
        while not future.done():
            step.show(lines.get(site.name, "waits for the builds of other sites"))
            wait([future], timeout=_POLL_SECONDS)
        live = future.result()
        step.detail = "not live" if isinstance(live, str) else live.server.host
    return live


def _compare_site(  # noqa: PLR0913 - the options of the command
    platform: Platform,
    site: Site,
    live: LiveSite | str,
    progress: Progress,
    *,
    only: str,
    hand_written: bool,
    keep: bool,
) -> SiteResult:
    """Compare a site. If the platform or `next start` does not serve it, return the reason."""
    if isinstance(live, str):
        console.print(f"{site.name}: {live}", style="red", markup=False)
        return live
    try:
        with run_next_start(
            live.build.source,
            root=site.root,
            host=live.name,
            port=platform.cloud.ports.edge,
            variables=live.variables,
            log=live.build.folder / "next-start.log",
        ) as server:
            results = _send_requests(site, live, server, progress, only=only, hand_written=hand_written)
            if keep:
                _wait_for_interrupt(server, live.server)
            return results
    except NextServerError as error:
        console.print(f"{site.name}: {error}", style="red", markup=False)
        return str(error)


def _send_requests(  # noqa: PLR0913 - the options of the command
    site: Site, live: LiveSite, server: Server, progress: Progress, *, only: str, hand_written: bool
) -> list[CaseResult]:
    output = BuildOutput.read(live.build.source / site.root)
    generated = [] if hand_written else list(generate_cases(output))
    cases = select_cases([*generated, *parse_cases(site.cases)], only)
    with progress.step(f"{site.name}: compared") as step:
        results = list(run_cases(cases, (server, live.server), volatile=site.volatile, show=step.show))
        different = sum(not result.is_same for result in results)
        step.detail = f"{len(results)} cases, {different} with differences"
    return results


def _wait_for_interrupt(*servers: Server) -> None:
    for server in servers:
        host, port = server.address
        console.print(f"curl -H 'Host: {server.host}' http://{host}:{port}/")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("stopped")


if __name__ == "__main__":
    try:
        app()
    except SiteMissingError as error:
        sys.exit(str(error))
