"""CPU time and store lookups of the viewer-request function per request, with few and with many hosts."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from attrs import define
from py_mini_racer import MiniRacer

from benchmarks.model import Goal, Measurement, Report, ShowProgress
from benchmarks.plot import Line, Plot
from components.edge.function_code import read_function_code
from components.edge.shared_edge import VIEWER_REQUEST
from local.edge.functions.events import ViewerRequest
from local.edge.functions.viewer_function import (
    MAXIMUM_BYTES,
    MAXIMUM_KEY_BYTES,
    RUNTIME,
    EdgeFunction,
    remove_imports,
)

HOSTS: Final = (1, 10, 100, 1_000, 10_000)
REQUESTS: Final = 20_000
TURNS: Final = 7
SAME: Final = Goal(bound=1.2)
READS: Final = Goal(bound=2)
FITS: Final = Goal(bound=1)
_METHOD: Final = """\
The deployed file of the viewer-request function runs in V8 in this process, with a KeyValueStore in
memory. There is one store for each number of hosts. The function handles {requests:,} requests in
sequence, for pages, hashed files and public files of {busy} hosts, which are spread over the whole store.
With requests to more hosts, the benchmark would measure the cache of the processor. The time includes
parsing the event of each request from JSON. CPU seconds are measured. Each store has {turns} turns, and
its fastest turn counts. The time of a lookup in CloudFront's store is not measured, only the number of
lookups per request."""
_PATHS: Final = ("/", "/posts/first", "/_next/static/chunks/main.js", "/favicon.ico", "/missing.html")
_EVENTS: Final = 5_000  # number of different requests to each store
_BUSY: Final = 100  # hosts that receive requests
_DRIVE: Final = """
globalThis.requests = (texts, count) => {
  globalThis.done = 0;
  (async () => {
    for (let i = 0; i < count; i++) {
      await handler(JSON.parse(texts[i % texts.length]));
      globalThis.done += 1;
    }
  })();
};
undefined
"""


@define
class _LoadedFunction:
    """The viewer-request function, loaded into V8 with a KeyValueStore of a number of hosts.

    Attributes:
        microseconds: The fastest measured time per request.
    """

    hosts: int
    engine: MiniRacer
    microseconds: float = math.inf

    @classmethod
    def create(cls, hosts: int) -> Self:
        engine = MiniRacer()
        code = remove_imports(read_function_code(VIEWER_REQUEST))
        engine.eval(RUNTIME.replace("@MAXIMUM_KEY_BYTES@", str(MAXIMUM_KEY_BYTES)))
        engine.eval(f"'use strict';{code}\n;undefined")
        engine.eval(f"anchorRuntime.update({json.dumps(make_key_values(hosts))})")
        texts = json.dumps([json.dumps(_make_event(number, hosts)) for number in range(_EVENTS)])
        engine.eval(f"globalThis.texts = {texts};undefined")
        engine.eval(_DRIVE)
        return cls(hosts, engine)

    def measure_requests(self, requests: int) -> None:
        """Run the function for a number of requests, and keep the time per request if it is the fastest."""
        before = time.process_time()
        self.engine.eval(f"requests(texts, {requests})")
        done = self.engine.eval("done")  # this call also runs the pending promises
        spent = time.process_time() - before
        if done != requests:
            raise ValueError(f"the function answered {done} of {requests} requests")
        self.microseconds = min(self.microseconds, spent / requests * 1e6)


def measure(show_progress: ShowProgress, *, hosts: Sequence[int] = HOSTS, requests: int = REQUESTS) -> Report:
    """Measure the function with each number of hosts.

    Raises:
        ValueError: The function did not answer all requests.
    """
    functions = [_LoadedFunction.create(number) for number in hosts]
    for turn in range(TURNS + 1):
        for function in functions:
            show_progress(f"edge function: {function.hosts} hosts, turn {turn}")
            function.measure_requests(requests)
            if not turn:  # the first turn is a warm-up
                function.microseconds = math.inf
    for function in functions:
        function.engine.close()
    few, many = functions[0], functions[-1]
    size = len(read_function_code(VIEWER_REQUEST).encode())
    reads = {number: _count_lookups(number) for number in (few.hosts, many.hosts)}
    return Report(
        title="Edge function",
        method=_METHOD.format(requests=requests, turns=TURNS, busy=_BUSY),
        measurements=(
            Measurement(
                name=f"time per request with {many.hosts:,} hosts / with {few.hosts}",
                value=many.microseconds / few.microseconds,
                goal=SAME,
                detail=f"{many.microseconds:.2f} us / {few.microseconds:.2f} us CPU",
            ),
            Measurement(
                name=f"maximum lookups per request with {many.hosts:,} hosts",
                value=max(reads[many.hosts]),
                unit="",
                goal=READS,
                detail=_format_lookups(reads[many.hosts]),
            ),
            Measurement(
                name=f"lookups for all these requests with {many.hosts:,} hosts / with {few.hosts}",
                value=sum(reads[many.hosts]) / sum(reads[few.hosts]),
                goal=Goal(bound=1),
                detail=f"{sum(reads[many.hosts])} / {sum(reads[few.hosts])}",
            ),
            Measurement(
                name="size of the file / limit of CloudFront",
                value=size / MAXIMUM_BYTES,
                goal=FITS,
                detail=f"{size:,} bytes / {MAXIMUM_BYTES:,} bytes",
            ),
        ),
        plots=(
            Plot(
                name="edge-function",
                title="CPU of the edge function per request",
                x="hosts",
                y="us",
                lines=(
                    Line(name="one request", points=[(each.hosts, each.microseconds) for each in functions]),
                ),
                x_scale="log",
            ),
        ),
    )


def make_key_values(hosts: int) -> Mapping[str, str]:
    """Return the content of a store. Each host has the keys that a release writes for the host of a site."""
    found: dict[str, str] = {}
    for number in range(hosts):
        release = f"01JB5Z9QK8W3T7N2M4R6X{number:05}"
        # "*" means that public files have their own keys, which need a second lookup.
        site = {
            "r": release,
            "s": f"server{number:05}.lambda-url.ap-southeast-1.on.aws",
            "i": f"image{number:05}.lambda-url.ap-southeast-1.on.aws",
            "n": f"site-{number:05}",
            "k": f"{number:040x}",
            "p": "*",
        }
        host = _make_host_name(number)
        found[host] = found[f"{release.lower()}--{host}"] = json.dumps(site, separators=(",", ":"))
        found[f"{release.lower()}--{host}/favicon.ico"] = "1"
    return found


def _make_host_name(number: int) -> str:
    return f"site-{number:05}.sites.example.com"


def _make_event(number: int, hosts: int) -> Mapping[str, Any]:
    busy = min(hosts, _BUSY)
    headers = {
        "host": _make_host_name(number // len(_PATHS) % busy * (hosts // busy)),
        "accept": "text/html",
        "user-agent": "Mozilla/5.0",
    }
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": "198.51.100.7"},
        "request": {
            "method": "GET",
            "uri": _PATHS[number % len(_PATHS)],
            "querystring": {},
            "headers": {name: {"value": value} for name, value in headers.items()},
            "cookies": {},
        },
    }


def _count_lookups(hosts: int) -> Sequence[int]:
    """Request each of `_PATHS` at up to ten hosts. Return the maximum number of lookups for each path."""
    content = make_key_values(hosts)
    function = EdgeFunction.load(read_function_code(VIEWER_REQUEST), lambda: ("1", content))
    try:
        return [
            max(function.run(_make_request(path, number)).reads for number in range(min(hosts, 10)))
            for path in _PATHS
        ]
    finally:
        function.close()


def _make_request(path: str, number: int) -> ViewerRequest:
    return ViewerRequest(
        method="GET",
        uri=path,
        query_string="",
        headers=[("host", _make_host_name(number))],
        viewer_ip="198.51.100.7",
    )


def _format_lookups(reads: Sequence[int]) -> str:
    return ", ".join(f"{number} for `{path}`" for path, number in zip(_PATHS, reads, strict=True))
