"""The embedded cloud supports every resource type and every lookup of every stage (L6)."""

from functools import lru_cache

import pytest
from pulumi.runtime.proto import resource_pb2

from local.providers.core.registry import CREATORS, DELETERS, INVOKES, READERS, UPDATERS
from tests.components.recorder import (
    Recorded,
    Recorder,
    create_layers,
    read_configuration,
    record_program,
    run_main,
)
from tests.components.stages import STAGES


class Lookups(Recorder):
    """The mock of Pulumi's engine that also records the functions of the provider that the program calls."""

    tokens: set[str]

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802 - the SDK's name
        self.tokens.add(request.tok)
        return super().Invoke(request)


@lru_cache
def list_types_and_function_tokens(stage: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the types that a stage registers, and the functions that it calls."""
    lookups: set[str] = set()

    def create_monitor(recorded: list[Recorded]) -> Recorder:
        monitor = Lookups(recorded)
        monitor.tokens = lookups
        return monitor

    with create_layers() as layers:
        config = {**read_configuration(stage), "anchor-deploy:layers": str(layers)}
        recording = record_program(run_main, stage, config, monitor=create_monitor)
    return frozenset(each.type for each in recording.resources if each.custom), frozenset(lookups)


@pytest.mark.parametrize("stage", STAGES)
def test_every_type_can_be_created_read_and_deleted(stage: str) -> None:
    types, _ = list_types_and_function_tokens(stage)
    assert len(types) > 40
    for table in (CREATORS, READERS, DELETERS):
        assert types - table.keys() == set()


@pytest.mark.parametrize("stage", STAGES)
def test_every_lookup_has_a_function(stage: str) -> None:
    _, lookups = list_types_and_function_tokens(stage)
    assert lookups
    assert lookups <= INVOKES.keys()


def test_every_registered_type_has_a_creator_a_reader_and_a_deleter() -> None:
    """Some types have no updater: `test_replacements.py` tests which ones."""
    assert CREATORS.keys() == READERS.keys() == DELETERS.keys()
    assert CREATORS.keys() >= UPDATERS.keys()
