"""An AWS call without a response ends before its function ends, and the caller is asked to retry (Q1, P1)."""

import inspect
import json
import socket
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from threading import Thread
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from attrs import fields, has
from botocore.config import Config
from botocore.retries.standard import ExponentialBackoff

from runtime.deploy.handlers import api, webhook
from runtime.shared import aws
from runtime.shared.environment import TIMEOUT_VARIABLE
from tests.components.recorder import get_recording
from tests.components.stages import STAGES
from tests.runtime.calls import REGION
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OWNER

FUNCTION = "aws:lambda/function:Function"
API_HANDLERS = {
    "runtime.deploy.handlers.webhook",
    "runtime.deploy.handlers.api",
    "runtime.images.handlers.api",
}


def find_function_inputs(stage: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the inputs of the functions with Python handlers, by handler module."""
    return {
        function.inputs["handler"].removesuffix(".handle"): function.inputs
        for function in get_recording(stage).find_by_type(FUNCTION)
        if function.inputs["handler"].startswith("runtime.")
    }


def find_created_clients(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Config]]:
    """Return the AWS services whose clients a function creates, each with the settings of the client."""
    made: list[tuple[str, Config]] = []

    def record_client(service: str, settings: Config | None = None) -> SimpleNamespace:
        made.append((service, settings or Config()))
        return SimpleNamespace(meta=SimpleNamespace(region_name=REGION))

    with monkeypatch.context() as patched:
        patched.setattr(aws, "client", record_client)
        for attribute in fields(handler.Environment):
            patched.setenv(attribute.name.upper(), "10")
        handler.get_service.cache_clear()
        call_lambdas(handler.get_service())
        handler.get_service.cache_clear()
    return made


def call_lambdas(value: object) -> None:
    """Call each Python lambda in the attributes of a service, at any depth. The lambdas create clients."""
    if inspect.isfunction(value) and value.__name__ == "<lambda>":
        call_lambdas(value())
    elif has(type(value)):
        for attribute in fields(type(value)):
            call_lambdas(getattr(value, attribute.name))


def compute_longest_duration(settings: Any) -> float:  # noqa: ANN401 - botocore's Config has its attributes from data
    """Return the duration in seconds of a call that hangs at each attempt, with botocore's longest pauses."""
    attempts: int = settings.retries["total_max_attempts"]
    backoff = ExponentialBackoff(random=lambda: 1.0)
    pauses = [backoff.delay_amount(SimpleNamespace(attempt_number=number)) for number in range(1, attempts)]
    return attempts * (settings.connect_timeout + settings.read_timeout) + sum(pauses)


@pytest.mark.parametrize("stage", STAGES)
def test_a_call_that_hangs_ends_before_its_function_does(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Q1. After the call, two seconds are left for the function's response."""
    functions = find_function_inputs(stage)
    assert functions.keys() >= API_HANDLERS
    for name, inputs in functions.items():
        timeout = int(inputs["timeout"])
        assert inputs["environment"]["variables"][TIMEOUT_VARIABLE] == str(timeout), name
        found = find_created_clients(import_module(name), monkeypatch)
        assert found, name
        for service, differing in found:
            settings: Any = aws.create_default_config(service, timeout=timeout).merge(differing)
            assert settings.retries["mode"] == "standard"
            assert compute_longest_duration(settings) <= timeout - 2, (name, service)


def test_attempts_and_timeouts_depend_on_the_functions_timeout() -> None:
    """A function with a short timeout makes two attempts. A long timeout allows more and longer attempts."""
    given: dict[int, Any] = {
        seconds: aws.create_default_config("s3", timeout=seconds) for seconds in (10, 15, 60, 300)
    }
    assert {
        seconds: (each.retries["total_max_attempts"], each.read_timeout) for seconds, each in given.items()
    } == {
        10: (2, 2.5),
        15: (2, 5.0),
        60: (4, 11.75),
        300: (4, 20.0),
    }


@pytest.mark.usefixtures("function_environment")
def test_a_clients_settings_follow_the_functions_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable `FUNCTION_TIMEOUT`, a client assumes the shortest timeout of all functions."""
    assert aws.client("sqs").meta.config.read_timeout == 2.5
    monkeypatch.setenv(TIMEOUT_VARIABLE, "60")
    assert aws.client("kms").meta.config.read_timeout == 11.75


@contextmanager
def run_silent_server() -> Generator[tuple[str, list[socket.socket]]]:
    """Run a server that accepts connections and never responds. Yield its address and its connections."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept_connections() -> None:
            while True:
                try:
                    connections.append(listening.accept()[0])
                except OSError:
                    return

        thread = Thread(target=accept_connections)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", connections
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in connections:
                each.close()


@pytest.fixture
def function_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The functions' environment variables without `FUNCTION_TIMEOUT`, and no clients of earlier tests."""

    def clear_caches() -> None:
        for cached in (api.get_service, webhook.get_service, aws.client):
            cached.cache_clear()

    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv(TIMEOUT_VARIABLE, raising=False)
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        *find_function_inputs("dev")["runtime.deploy.handlers.api"]["environment"]["variables"],
    ):
        if name != TIMEOUT_VARIABLE:
            monkeypatch.setenv(name, "10")
    clear_caches()
    yield
    clear_caches()


@pytest.mark.enable_socket
@pytest.mark.usefixtures("function_environment")
@pytest.mark.parametrize("handler", [api, webhook])
def test_a_hanging_call_gives_a_response_with_retry_after(
    handler: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q1, P1. The handler, the client and the connection are real. Only the timeouts are shorter."""
    make: Any = boto3.client
    usual = aws.create_default_config

    def shorten_timeouts(service: str, *, timeout: int) -> Config:
        return usual(service, timeout=timeout).merge(Config(connect_timeout=0.2, read_timeout=0.2))

    monkeypatch.setattr(aws, "create_default_config", shorten_timeouts)
    with run_silent_server() as (address, connections):
        monkeypatch.setattr(boto3, "client", partial(make, endpoint_url=address))
        began = time.monotonic()
        route = "GET /projects/{projectId}" if handler is api else "POST /webhook/{projectId}"
        event = make_api_event(route, user_id=OWNER, body={}, projectId="01JB0000000000000000000000")
        response = handler.handle(event, None)
        took = time.monotonic() - began
    assert (response["statusCode"], response["headers"]["retry-after"]) == (503, "5")
    assert json.loads(response["body"])["detail"].startswith("the platform is busy: try again")
    assert len(connections) == 2
    assert took >= 0.4
