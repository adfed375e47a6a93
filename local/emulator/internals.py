"""Starts, queries and resets the emulator through its own modules.

The emulator's modules (ministack 1.5.33) read the environment when they are imported. `Emulator` must set the
environment before this import. Therefore `Emulator.start` imports this module, and no file imports it at the
top.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import ministack.app
from attrs import frozen
from hypercorn.asyncio.run import worker_serve
from hypercorn.config import Config, Sockets
from hypercorn.typing import ASGIFramework
from hypercorn.utils import wrap_app
from ministack.core.lambda_runtime import execution_credentials
from ministack.core.responses import request_scope
from ministack.services import cloudfront_keyvaluestore, iam, lambda_svc

from local.emulator.access import install_access_checks as install_access
from local.emulator.answers import install_answer_hooks
from local.emulator.builds import BuildManager
from local.emulator.builds import install_build_hooks as install_builds
from local.emulator.cloudfront import InvalidationPublisher
from local.emulator.cloudfront import install_cloudfront_hooks as install_cloudfront
from local.emulator.decisions import DecisionLog
from local.emulator.decisions import install_decision_hooks as install_decisions
from local.emulator.destinations import CreateSession, DestinationSender
from local.emulator.destinations import install_destination_hooks as install_destinations
from local.emulator.domains import install_domain_hooks
from local.emulator.domains.request_gate import RequestGate
from local.emulator.domains.zones import HostedZones
from local.emulator.functions import FunctionSettings, create_node_function_version, record_log_line
from local.emulator.functions import install_function_hooks as install_functions
from local.emulator.node_function import Credentials, NodeFunctionVersion
from local.emulator.permissions import install_permission_hooks as install_permissions
from local.emulator.s3_forms import install_form_hooks as install_s3_forms
from local.emulator.schedules import Schedules
from local.emulator.schedules import install_schedule_hooks as install_schedules
from local.emulator.streams import install_stream_hooks as install_streams

START_DEADLINE_SECONDS = 30.0
STOP_DEADLINE_SECONDS = 10.0


@frozen(kw_only=True)
class EmulatorInternals:
    """The running emulator's internal state."""

    account_id: str
    region: str
    endpoint_url: str
    functions: FunctionSettings
    builds: BuildManager
    invalidations: InvalidationPublisher
    schedules: Schedules
    decisions: DecisionLog
    zones: HostedZones
    delete_read_positions: Callable[[], None]

    def reset(self) -> None:
        """Stop all builds, delete the state of every service and stop the functions' processes."""
        self.builds.stop()
        self.builds.tokens.clear()
        ministack.app._reset_all_state()
        self.delete_read_positions()
        self.decisions.entries.clear()

    def record_log_line(self, version: NodeFunctionVersion, line: str) -> None:
        """Write a line of a Node.js function to its log group."""
        record_log_line(version, line, account_id=self.account_id)

    def list_trusted_services(self, role_arn: str) -> set[str] | None:
        """Return the AWS services that a role's trust policy names, or None if the role does not exist."""
        with request_scope(self.account_id, self.region):
            role = iam._roles.get(role_arn.rpartition("/")[2])
        if role is None or role["Arn"] != role_arn:
            return None
        document: Any = role["AssumeRolePolicyDocument"]
        document = json.loads(unquote(document)) if isinstance(document, str) else document
        services: set[str] = set()
        for statement in document["Statement"]:
            named = (statement.get("Principal") or {}).get("Service") or []
            services.update([named] if isinstance(named, str) else named)
        return services

    def create_role_credentials(self, role_arn: str, session_name: str) -> Credentials:
        """Return credentials of a role, in the same way as the emulator creates them for a function."""
        arn = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{session_name}"
        keys = execution_credentials({"FunctionArn": arn, "FunctionName": session_name, "Role": role_arn})
        return Credentials(
            access_key_id=keys["AWS_ACCESS_KEY_ID"],
            secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            session_token=keys["AWS_SESSION_TOKEN"],
        )

    def find_function_by_url(self, url_id: str) -> NodeFunctionVersion | None:
        """Return the version behind a function URL, with its alias resolved, or None for an unknown URL."""
        found = lambda_svc.resolve_function_url(url_id)
        if found is None:
            return None
        account, region, name, qualifier, url = found
        record, _config, _name = lambda_svc._get_func_record_for_ref_in_scope(
            f"{name}:{qualifier}" if qualifier else name, account_id=account, region=region
        )
        if record is None:
            return None
        return create_node_function_version(
            record, endpoint_url=self.endpoint_url, invoke_mode=url["InvokeMode"]
        )

    def find_key_value_store(self, arn: str) -> dict[str, Any] | None:
        """Return the emulator's record of a store, with `etag` and `items`, or None for an unknown store.

        The record is not a copy: it changes when the store changes.
        """
        with request_scope(self.account_id, self.region):
            store, _error = cloudfront_keyvaluestore._get_store(arn)
        return cast("dict[str, Any] | None", store)


@contextlib.contextmanager
def run_emulator(  # noqa: PLR0913 - the parts of `Emulator`
    listener: socket.socket,
    *,
    account_id: str,
    region: str,
    endpoint_url: str,
    administrator: str,
    create_session: CreateSession,
    data: Path,
    schedule_seconds: float | None,
) -> Generator[EmulatorInternals]:
    """Install all hooks, and serve the emulator on the listener until the context ends.

    At the end, delete all state and stop the functions' processes. The hooks remain installed.
    """
    functions = FunctionSettings(endpoint_url=endpoint_url)
    builds = BuildManager()
    install_functions(functions, data=data, port=listener.getsockname()[1])
    install_builds(builds)
    install_permissions(administrator=administrator)
    install_access()
    decisions = DecisionLog()
    install_decisions(decisions)
    invalidations = InvalidationPublisher()
    install_cloudfront(invalidations)
    zones = HostedZones(account_id=account_id, region=region)
    install_domain_hooks(zones)
    install_answer_hooks()
    install_s3_forms()
    schedules = Schedules(account_id=account_id, region=region, seconds=schedule_seconds)
    install_schedules(schedules)
    destinations = DestinationSender(create_session=create_session)
    install_destinations(destinations)
    internals = EmulatorInternals(
        account_id=account_id,
        region=region,
        endpoint_url=endpoint_url,
        functions=functions,
        builds=builds,
        invalidations=invalidations,
        schedules=schedules,
        decisions=decisions,
        zones=zones,
        delete_read_positions=install_streams(destinations),
    )
    with contextlib.ExitStack() as stack:
        stack.callback(internals.reset)
        stack.enter_context(_serve_requests(listener))
        # Stop the builds first, because their runners call the emulator until they end.
        stack.callback(builds.stop)
        yield internals


@contextlib.contextmanager
def _serve_requests(listener: socket.socket) -> Generator[None]:
    """Serve in a thread with its own event loop, so that a signal (Ctrl-C) does not end the event loop."""
    config = Config()
    config.errorlog = logging.getLogger("hypercorn.error")
    config.graceful_timeout = 0.5
    config.keep_alive_timeout = 75
    ready = threading.Event()
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        stop = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), stop))

        async def wait_until_stopped() -> None:
            ready.set()
            await stop.wait()

        gate = RequestGate(application=ministack.app.app, port=listener.getsockname()[1])
        application = wrap_app(cast("ASGIFramework", gate), config.wsgi_max_body_size, "asgi")
        sockets = Sockets(secure_sockets=[], insecure_sockets=[listener], quic_sockets=[])
        await worker_serve(application, config, sockets=sockets, shutdown_trigger=wait_until_stopped)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for the start
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="emulator", daemon=True)
    thread.start()
    if not ready.wait(START_DEADLINE_SECONDS):
        raise TimeoutError(f"the embedded AWS did not start within {START_DEADLINE_SECONDS:.0f} s")
    if failures:
        raise failures[0]
    try:
        yield
    finally:
        loop, stop = stopping[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_DEADLINE_SECONDS)
