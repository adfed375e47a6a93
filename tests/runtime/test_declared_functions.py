"""Each function's declared environment matches the variables of its handler."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import fields

from runtime.shared import aws as clients
from runtime.shared.environment import TIMEOUT_VARIABLE, MissingEnvironmentError
from tests.components.recorder import record_stage
from tests.runtime.calls import REGION

ROOT = Path(__file__).parents[2]
HANDLERS = tuple(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "runtime").glob("*/handlers/*.py"))
    if path.stem != "__init__"
)
# The variables that Lambda sets for every function.
LAMBDA_VARIABLES = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
# Values of the variables that a handler parses as numbers.
NUMBERS = {
    "MAXIMUM_BYTES": "1000000",
    "EDGE_RELEASE_BYTES": "27500",
    "KEPT_RELEASES": "10",
    "CONCURRENT_BUILDS": "10",
    "MAX_RECEIVE_COUNT": "5",
    "MAX_PENDING_IMAGES": "100",
    "MAX_STORED_IMAGES": "10000",
    "MAX_STORED_BYTES": "1000000000",
    "MAX_PROJECTS": "20",
    "MAX_BUILD_MINUTES_PER_DAY": "600",
    "MAX_MANUAL_DEPLOYMENTS_PER_HOUR": "30",
    "MAX_IMAGE_DELETIONS_PER_DAY": "500",
    "MAX_PROMOTIONS_PER_MINUTE": "10",
    "MAX_QUEUED_DEPLOYMENTS": "50",
}


def read_declared_inputs() -> Mapping[str, Mapping[str, Any]]:
    """Return the Pulumi inputs of each function with a handler in `runtime`, by the module of the handler."""
    return {
        function.inputs["handler"].removesuffix(".handle"): function.inputs
        for function in record_stage("dev")
        if function.type == "aws:lambda/function:Function"
        and function.inputs["handler"].startswith("runtime.")
    }


def list_variables(handler: ModuleType) -> set[str]:
    return {attribute.name.upper() for attribute in fields(handler.Environment)}


@pytest.fixture(params=HANDLERS)
def handler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A handler without cached services and without its environment variables, as in a new process."""
    module = import_module(request.param)
    for name in list_variables(module):
        monkeypatch.delenv(name, raising=False)
    for cached in (module.get_service, clients.client):
        cached.cache_clear()
    yield module
    for cached in (module.get_service, clients.client):
        cached.cache_clear()


def test_every_handler_has_its_function_and_every_function_its_handler() -> None:
    assert set(HANDLERS) == set(read_declared_inputs())
    assert len(HANDLERS) == len(set(HANDLERS))


def test_a_function_reads_exactly_the_variables_that_the_program_sets(handler: ModuleType) -> None:
    given = set(read_declared_inputs()[handler.__name__]["environment"]["variables"])
    assert list_variables(handler) == given - {TIMEOUT_VARIABLE}


def test_the_error_names_all_missing_variables(handler: ModuleType) -> None:
    with pytest.raises(MissingEnvironmentError) as missing:
        handler.get_service()
    assert all(name in str(missing.value) for name in list_variables(handler))


def test_a_service_is_composed_once_without_calls_to_aws(
    handler: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unit tests refuse network connections, so a call to AWS would fail this test."""
    for name, value in LAMBDA_VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in list_variables(handler):
        monkeypatch.setenv(name, NUMBERS.get(name, "x"))
    assert handler.get_service() is handler.get_service()
