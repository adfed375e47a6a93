"""Node.js workers run a released function version as Lambda would run it (D7, L1, L3)."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from local.emulator.node_function import NodeFunctionVersion, NodeInvocation, NodeResult
from local.node import find_node
from local.workers.pool import WorkerPool
from local.workers.process import WorkerFailedError
from tests.runtime.releases.origin.node_functions import (
    SEPARATOR,
    URL_HOST,
    Lines,
    make_function_version,
    run_worker_pool,
    send_request,
)

INDEX = """
import fs from "node:fs";
let open;
const gate = new Promise((resolve) => (open = resolve));
const actions = {
  event: async (event) => event,
  environment: () => process.env,
  process: () => ({ directory: process.cwd(), arguments: process.argv.slice(2), id: process.pid }),
  context: (event, context) => ({ ...context, remaining: context.getRemainingTimeInMillis() }),
  logs: () => (console.log("from", event = "the function"), console.error("two\\nlines"), null),
  wait: () => gate,
  printAndHang: () => new Promise(() => setImmediate(() => fs.writeSync(1, "waiting\\n"))),
  open: () => (open("opened"), "opened"),
  fails: () => { throw new TypeError("the handler failed"); },
  crash: () => process.kill(process.pid, "SIGKILL"),
  never: () => new Promise(() => {}),
  uncaught: () => { setTimeout(() => { throw new Error("nobody catches this"); }); return "fine"; },
  resolves: async (event) => (await import("node:dns")).promises && new Promise((resolve) =>
    process.getBuiltinModule("dns").lookup(event.name, (error, address) => resolve(address ?? error.code))),
};
var event;
export const handler = async (event, context) => {
  const name = event.action ?? event.rawPath.slice(1);
  const result = await (actions[name] ?? actions.event)(event, context);
  return event.rawPath ? { statusCode: 200, body: JSON.stringify(result) } : result;
};
export const old = (event, context, callback) => callback(null, { called: event.action });
export const streaming = awslambda.streamifyResponse(async (event, stream) => {
  if (event.action === "fails") throw new Error("no stream");
  stream.setContentType("application/vnd.awslambda.http-integration-response");
  stream.write('{"statusCode":203}');
  stream.write(new Uint8Array(8));
  stream.end("body");
});
"""
FUNCTION = make_function_version(
    {"index.mjs": INDEX}, environment={"GREETING": "hello", "AWS_REGION": "elsewhere"}
)
STREAMING = make_function_version({"index.mjs": INDEX}, handler="index.streaming", number="2")
WITH_CALLBACK = make_function_version({"index.mjs": INDEX}, handler="index.old", number="3")
WITH_SHORT_TIMEOUT = make_function_version({"index.mjs": INDEX}, timeout=1, number="4")

Scenario = Callable[[WorkerPool, Lines], Awaitable[None]]


def run_scenario(scenario: Scenario, maximum: int = 8) -> None:
    async def main() -> None:
        async with run_worker_pool(maximum) as (pool, lines):
            await scenario(pool, lines)

    asyncio.run(main())


class SharedPool:
    """One pool, shared by the tests that do not change it."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self._context = run_worker_pool()
        self.pool, self.lines = runner.run(self._context.__aenter__())

    def invoke(self, version: NodeFunctionVersion, event: object) -> NodeResult:
        return self.runner.run(self.pool.invoke(make_invocation(version, event)))

    def get(self, target: str, **settings: Any) -> Any:  # noqa: ANN401 - as `send_request`
        headers = settings.pop("headers", [])
        return self.runner.run(send_request(self.pool, FUNCTION, target, headers=headers, **settings))

    def close(self) -> None:
        self.runner.run(self._context.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedPool]:
    with asyncio.Runner() as runner:
        opened = SharedPool(runner)
        yield opened
        opened.close()


def make_invocation(version: NodeFunctionVersion, event: object) -> NodeInvocation:
    return NodeInvocation(
        function=version, event=event, request_id="request-1", invoked_function_arn=f"{version.arn}:live"
    )


def test_a_function_has_its_variables_and_credentials_but_no_variables_of_this_machine(
    shared: SharedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    variables = shared.invoke(FUNCTION, {"action": "environment"}).payload
    assert variables["GREETING"] == "hello"
    assert variables["AWS_REGION"] == "ap-southeast-1"
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SESSION_TOKEN"]) == ("AKID", "TOKEN")
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "shop-server"
    assert (
        variables["LAMBDA_TASK_ROOT"] == shared.invoke(FUNCTION, {"action": "process"}).payload["directory"]
    )
    allowed = ("AWS_", "LAMBDA_", "GREETING", "_HANDLER", "PATH", "LANG", "TZ")
    assert [name for name in variables if not name.startswith(allowed)] == []


def test_a_request_becomes_a_function_url_event(shared: SharedPool) -> None:
    answer = shared.get(
        "//a%20b/c?x=1&x=2&y",
        method="POST",
        headers=[
            ("x-list", "1"),
            ("x-list", "2"),
            ("cookie", "a=1; b=2"),
            ("content-type", "application/json; charset=utf-8"),
        ],
        body='{"é":1}'.encode(),
    )
    event = answer.json()
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("//a%20b/c", "x=1&x=2&y")
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-list"] == "1,2"
    assert "cookie" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"é":1}', False)
    context = event["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == (URL_HOST, "abc123")
    assert (context["http"]["method"], context["http"]["path"]) == ("POST", "//a%20b/c")


@pytest.mark.parametrize(
    ("content_type", "is_base64"),
    [
        ("text/plain", False),
        ("application/xml", False),
        ("application/problem+json", False),
        ("application/x-www-form-urlencoded", True),
        ("multipart/form-data; boundary=x", True),
        ("image/png", True),
    ],
)
def test_only_text_content_types_stay_text(shared: SharedPool, content_type: str, is_base64: bool) -> None:  # noqa: FBT001 - a table's column
    event = shared.get("/event", method="POST", headers=[("content-type", content_type)], body=b"a=1").json()
    assert event["isBase64Encoded"] is is_base64
    assert event["body"] == ("YT0x" if is_base64 else "a=1")


def test_a_get_has_no_body(shared: SharedPool) -> None:
    event = shared.get("/event").json()
    assert "body" not in event
    assert "queryStringParameters" not in event
    assert "cookies" not in event


def test_a_request_that_is_larger_than_lambdas_limit_is_refused(shared: SharedPool) -> None:
    headers = [("content-type", "text/plain")]
    assert (
        shared.get("/event", method="POST", headers=headers, body=b"x" * (6 * 1024 * 1024 + 1)).status == 413
    )
    assert shared.get("/process", method="POST", headers=headers, body=b"x" * (5 * 1024 * 1024)).status == 200


def test_any_event_can_be_invoked(shared: SharedPool) -> None:
    records = {"Records": [{"messageId": "1", "body": "{}"}], "action": "event"}
    assert shared.invoke(FUNCTION, records) == NodeResult(payload=records)
    assert shared.invoke(WITH_CALLBACK, {"action": "x"}).payload == {"called": "x"}
    context = shared.invoke(FUNCTION, {"action": "context"}).payload
    assert (context["awsRequestId"], context["functionVersion"]) == ("request-1", "1")
    assert context["invokedFunctionArn"].endswith(":live")
    assert 0 < context["remaining"] <= 30_000


def test_invoking_a_streaming_handler_returns_its_bytes(shared: SharedPool) -> None:
    assert shared.invoke(STREAMING, {}).payload == b'{"statusCode":203}' + SEPARATOR + b"body"
    failed = shared.invoke(STREAMING, {"action": "fails"}).failure
    assert failed is not None
    assert failed.message == "no stream"


def test_a_failing_handler_returns_502_and_logs_the_cause(shared: SharedPool) -> None:
    result = shared.invoke(FUNCTION, {"action": "fails"})
    assert result.failure is not None
    assert (result.failure.type, result.failure.message) == ("TypeError", "the handler failed")
    assert "TypeError: the handler failed" in result.failure.trace[0]
    assert "the handler failed" in result.log
    assert shared.get("/fails").status == 502


def test_an_invocation_returns_its_log_and_requests_write_to_the_log_of_the_pool(shared: SharedPool) -> None:
    log = shared.invoke(FUNCTION, {"action": "logs"}).log
    assert [line.split("\t")[1:] for line in log.splitlines() if line] != []
    assert "\trequest-1\tINFO\tfrom the function\n" in log
    assert "\trequest-1\tERROR\ttwo\rlines\n" in log
    before = len(shared.lines.all)
    shared.get("/logs")
    shared.runner.run(shared.lines.wait_for("two\rlines"))
    assert len(shared.lines.all) - before == 2


def test_an_uncaught_exception_does_not_end_other_requests(shared: SharedPool) -> None:
    first = shared.invoke(FUNCTION, {"action": "process"}).payload["id"]
    assert shared.get("/uncaught").json() == "fine"
    shared.runner.run(shared.lines.wait_for("nobody catches this"))
    assert shared.invoke(FUNCTION, {"action": "process"}).payload["id"] == first


def test_names_below_localhost_resolve_to_this_machine(shared: SharedPool) -> None:
    """OpenNext's revalidation calls the site by its host name. Not every system resolves this name."""
    for name in ("shop.localhost", "a.b.LOCALHOST", "localhost"):
        assert shared.invoke(FUNCTION, {"action": "resolves", "name": name}).payload == "127.0.0.1"


def test_requests_of_one_version_run_concurrently_in_one_process() -> None:
    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        waiting = [asyncio.create_task(send_request(pool, FUNCTION, "/wait", headers=[])) for _ in range(20)]
        assert (await send_request(pool, FUNCTION, "/open", headers=[])).json() == "opened"
        assert {answer.json() for answer in await asyncio.gather(*waiting)} == {"opened"}
        assert list(pool.list_process_ids) == ["shop-server:1"]

    run_scenario(check_pool)


def test_a_request_that_exceeds_the_functions_timeout_is_ended() -> None:
    async def check_pool(pool: WorkerPool, lines: Lines) -> None:
        answer, result = await asyncio.gather(
            send_request(pool, WITH_SHORT_TIMEOUT, "/never", headers=[]),
            pool.invoke(make_invocation(WITH_SHORT_TIMEOUT, {"action": "never"})),
        )
        assert answer.status == 502
        assert result.failure is not None
        assert (result.failure.type, "timed out after 1 seconds" in result.failure.message) == (
            "Sandbox.Timedout",
            True,
        )
        await lines.wait_for("Task timed out after 1 seconds")

    run_scenario(check_pool)


def test_a_crashed_worker_is_reported_and_replaced() -> None:
    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        first = (await pool.invoke(make_invocation(FUNCTION, {"action": "process"}))).payload["id"]
        with pytest.raises(WorkerFailedError, match="shop-server version 1 did not answer"):
            await send_request(pool, FUNCTION, "/crash", headers=[])
        second = await pool.invoke(make_invocation(FUNCTION, {"action": "process"}))
        assert second.payload["id"] != first

    run_scenario(check_pool)


@pytest.mark.parametrize(
    ("files", "kind", "reason"),
    [
        ({"index.mjs": "throw new TypeError('cannot load');"}, "TypeError", "TypeError: cannot load"),
        ({"index.mjs": "export const other = 1;"}, "Error", "exports no function handler"),
        ({"index.mjs": "}"}, "SyntaxError", "SyntaxError"),
        ({"other.mjs": ""}, "Error", "has no index.mjs"),
        (
            {"index.mjs": "console.log('bye'); process.exit(3);"},
            "Runtime.ExitError",
            "exit status 3.*\n.*bye",
        ),
        ({"index.mjs": "process.kill(process.pid, 'SIGKILL');"}, "Runtime.ExitError", "SIGKILL"),
    ],
)
def test_a_function_that_cannot_start_reports_the_cause(
    files: dict[str, str], kind: str, reason: str
) -> None:
    """As in Lambda, `Invoke` returns the error of code that cannot be loaded."""
    version = make_function_version(files, handler="index.handler")

    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        with pytest.raises(WorkerFailedError, match=reason):
            await send_request(pool, version, "/", headers=[])
        result = await pool.invoke(make_invocation(version, {}))
        assert result.failure is not None
        described = f"{result.failure.type}: {result.failure.message}"
        assert re.search(reason, f"{described}\n{result.log}")
        assert result.failure.type == kind

    run_scenario(check_pool)


def test_the_error_names_an_invalid_zip_and_an_invalid_node() -> None:
    broken = make_function_version({})

    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        with pytest.raises(WorkerFailedError, match="code of shop-server version 1 could not be unpacked"):
            await send_request(
                pool, change_version(broken, code=b"no zip", code_sha256="other"), "/", headers=[]
            )
        pool.node = Path("/nowhere/node")
        with pytest.raises(WorkerFailedError, match="could not be started with /nowhere/node"):
            await send_request(pool, broken, "/", headers=[])

    run_scenario(check_pool)


def change_version(version: NodeFunctionVersion, **changes: Any) -> NodeFunctionVersion:  # noqa: ANN401 - attrs' own
    return attrs.evolve(version, **changes)


def test_a_streaming_function_needs_a_streaming_url() -> None:
    buffered = change_version(STREAMING, invoke_mode="BUFFERED")

    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        with pytest.raises(WorkerFailedError, match="needs the InvokeMode RESPONSE_STREAM"):
            await send_request(pool, buffered, "/", headers=[])

    run_scenario(check_pool)


def test_simultaneous_first_requests_start_one_process() -> None:
    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        answers = await asyncio.gather(
            *(send_request(pool, FUNCTION, "/process", headers=[]) for _ in range(10))
        )
        assert len({answer.json()["id"] for answer in answers}) == 1

    run_scenario(check_pool)


def test_a_canceled_request_does_not_cancel_the_start_for_others() -> None:
    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        first = asyncio.create_task(send_request(pool, FUNCTION, "/process", headers=[]))
        second = asyncio.create_task(send_request(pool, FUNCTION, "/process", headers=[]))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status == 200

    run_scenario(check_pool)


def test_the_least_recently_used_idle_worker_is_ended() -> None:
    versions = [make_function_version({"index.mjs": INDEX}, number=str(number)) for number in range(4)]

    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        waiting = asyncio.create_task(send_request(pool, versions[0], "/wait", headers=[]))
        await send_request(pool, versions[0], "/event", headers=[])
        for version in versions[1:]:
            await send_request(pool, version, "/event", headers=[])
        assert list(pool.list_process_ids) == ["shop-server:0", "shop-server:3"]
        await send_request(pool, versions[0], "/open", headers=[])
        assert (await waiting).json() == "opened"
        await send_request(pool, versions[1], "/event", headers=[])
        assert list(pool.list_process_ids) == ["shop-server:0", "shop-server:1"]

    run_scenario(check_pool, maximum=2)


def test_closing_the_pool_leaves_no_process_and_no_file() -> None:
    async def main() -> tuple[int, Path]:
        async with run_worker_pool() as (pool, _):
            answer = (await send_request(pool, FUNCTION, "/process", headers=[])).json()
        with pytest.raises(WorkerFailedError, match="closed"):
            await send_request(pool, FUNCTION, "/process", headers=[])
        return answer["id"], Path(answer["directory"])

    process, directory = asyncio.run(main())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not directory.exists()


def test_callers_in_other_threads_get_an_answer_when_the_pool_closes() -> None:
    async def main() -> NodeResult:
        async with run_worker_pool() as (pool, lines):
            waiting = asyncio.create_task(
                asyncio.to_thread(
                    pool.invoke_from_thread, make_invocation(FUNCTION, {"action": "printAndHang"})
                )
            )
            await lines.wait_for("waiting")
        assert pool._in_use == 0
        return await waiting

    failure = asyncio.run(main()).failure
    assert failure is not None
    assert "did not answer" in failure.message


def test_other_threads_can_invoke_and_the_pools_own_thread_gets_an_error() -> None:
    async def check_pool(pool: WorkerPool, _lines: Lines) -> None:
        wanted = make_invocation(FUNCTION, {"action": "event"})
        result = await asyncio.to_thread(pool.invoke_from_thread, wanted)
        assert result.payload == {"action": "event"}
        with pytest.raises(RuntimeError, match="own event loop"):
            pool.invoke_from_thread(wanted)

    run_scenario(check_pool)
    with pytest.raises(RuntimeError, match="no event loop"):
        WorkerPool(node=find_node().node, log=lambda *_: None).invoke_from_thread(
            make_invocation(FUNCTION, {})
        )


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux can wait for any process")
def test_no_worker_outlives_a_process_that_was_killed(tmp_path: Path) -> None:
    """L3: no process of the embedded cloud remains, even if the embedded cloud is killed."""
    script = tmp_path / "owner.py"
    script.write_text(
        textwrap.dedent(
            """
            import asyncio, json
            from tests.local.workers.test_pool import FUNCTION, make_invocation
            from tests.runtime.releases.origin.node_functions import run_worker_pool

            async def main():
                async with run_worker_pool() as (pool, _):
                    result = await pool.invoke(make_invocation(FUNCTION, {"action": "process"}))
                    print(json.dumps(result.payload), flush=True)
                    await asyncio.Event().wait()

            asyncio.run(main())
            """
        )
    )

    async def main() -> None:
        owner = await asyncio.create_subprocess_exec(
            sys.executable, script, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
        )
        assert owner.stdout is not None
        worker = json.loads(await owner.stdout.readline())
        descriptor, ended = os.pidfd_open(worker["id"]), asyncio.Event()
        asyncio.get_running_loop().add_reader(descriptor, ended.set)
        os.kill(owner.pid, signal.SIGKILL)
        await owner.wait()
        async with asyncio.timeout(20):
            await ended.wait()
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        # Remove this folder here, because the killed process could not remove it.
        shutil.rmtree(Path(worker["directory"]).parent)

    asyncio.run(main())
