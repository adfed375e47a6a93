"""Tests of `enable_fast_registration` in a deployment. `test_program.py` tests it under the SDK's mocks."""

import gc
from pathlib import Path

import pulumi

from components.core.registration import enable_fast_registration
from local.engine.monitor import Monitor
from local.engine.program import run_program
from local.providers.core.resource import CreatedResource


def run_as_language_host(program: object) -> None:
    """Run a program as Pulumi's language host runs it. These programs create no resources."""
    assert callable(program)
    monitor = Monitor(
        project="p",
        stack="dev",
        root=Path(),
        register=lambda _registration: CreatedResource(id="1"),
        invoke=lambda _token, _arguments: {},
    )
    run_program(program, monitor, project="p", stack="dev", config={})


def test_garbage_collection_is_disabled_while_the_program_runs() -> None:
    gc_states: list[bool] = []

    def record_gc_state() -> None:
        enable_fast_registration()
        gc_states.append(gc.isenabled())

    run_as_language_host(record_gc_state)
    assert gc_states == [False]


def test_the_program_can_still_register_an_asynchronous_entrypoint() -> None:
    """A program may call `pulumi.run` only once, so `enable_fast_registration` must not call `pulumi.run`."""
    called: list[str] = []

    async def main() -> None:
        called.append("main")

    def register_entrypoint() -> None:
        enable_fast_registration()
        pulumi.run(main)

    run_as_language_host(register_entrypoint)
    assert called == ["main"]
