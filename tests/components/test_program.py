"""The whole program under the SDK's plain mocks: https://www.pulumi.com/docs/iac/guides/testing/unit/.

Other tests read the resources that `recorder.py` records. These tests show that Pulumi's plain unit tests
also work with this program.
"""

import asyncio
import contextvars
import gc
import json
import runpy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pulumi
import pytest
from attrs import Factory, define

from components.aws.package import CHECKOUT
from tests.components import recorder
from tests.components.stages import STAGES

FUNCTION = "aws:lambda/function:Function"


@define
class Mocks(recorder.Mocks):
    """Mocks that record the registered resources."""

    resources: list[pulumi.runtime.MockResourceArgs] = Factory(list)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources.append(args)
        return super().new_resource(args)

    def find_inputs_by_type(self, kind: str) -> list[dict[str, Any]]:
        """Return the inputs of all resources of a type."""
        return [resource.inputs for resource in self.resources if resource.typ == kind]


@pytest.fixture(autouse=True)
def event_loops() -> Iterator[None]:
    """Provide event loops for all threads of the SDK, and close them afterwards.

    The SDK would leave its own loops open.
    """
    loops: list[asyncio.AbstractEventLoop] = []

    def add_loop() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    add_loop()
    loops[0].set_default_executor(ThreadPoolExecutor(initializer=add_loop))
    yield
    loops[0].run_until_complete(loops[0].shutdown_default_executor())
    for loop in loops:
        loop.close()
    asyncio.set_event_loop(None)


@cache
def run_program(stage: str) -> Mocks:
    """Run the program for a stage in a new context, because the SDK keeps settings in context variables."""
    return contextvars.copy_context().run(_run_with_mocks, stage)


def _run_with_mocks(stage: str) -> Mocks:
    mocks = Mocks()
    with recorder.create_layers() as layers:
        pulumi.runtime.set_mocks(mocks, project="anchor-deploy", stack=stage, preview=False)
        config = {**recorder.read_configuration(stage), "anchor-deploy:layers": str(layers)}
        pulumi.runtime.set_all_config(
            {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        )

        @pulumi.runtime.test
        def run_main() -> None:
            runpy.run_path(str(CHECKOUT / "__main__.py"), run_name="__main__")

        run_main()
    return mocks


@pytest.mark.parametrize("stage", STAGES)
def test_every_site_has_its_functions(stage: str) -> None:
    mocks = run_program(stage)
    names = {inputs["name"] for inputs in mocks.find_inputs_by_type(FUNCTION)}
    sites = recorder.read_configuration(stage)["anchor-deploy:stage"]["sites"]
    assert sites
    for site in sites:
        assert {
            f"anchor-{stage}-site-{site['name']}-{part}" for part in ("server", "image", "revalidate")
        } <= names


@pytest.mark.parametrize("stage", STAGES)
def test_resources_use_the_settings_of_the_stage(stage: str) -> None:
    mocks = run_program(stage)
    settings = recorder.read_configuration(stage)["anchor-deploy:stage"]
    architectures = {
        architecture
        for inputs in mocks.find_inputs_by_type(FUNCTION)
        for architecture in inputs["architectures"]
    }
    assert architectures == {settings["architecture"]}
    days = {
        inputs["retentionInDays"] for inputs in mocks.find_inputs_by_type("aws:cloudwatch/logGroup:LogGroup")
    }
    assert days == {settings["logRetentionDays"]}
    tables = mocks.find_inputs_by_type("aws:dynamodb/table:Table")
    assert {inputs["deletionProtectionEnabled"] for inputs in tables} == {stage == "production"}


def test_the_garbage_collector_stays_enabled_under_mocks() -> None:
    assert gc.isenabled()
    contextvars.copy_context().run(_run_with_mocks, "dev")
    assert gc.isenabled()
