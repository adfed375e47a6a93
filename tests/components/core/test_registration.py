"""`enable_fast_registration` under the recorder. `test_program.py` tests it under plain mocks."""

import gc

import pulumi
import pytest

from components.core.registration import enable_fast_registration
from tests.components.recorder import record_program


async def do_nothing() -> None:
    pass


def test_registrations_are_sent_early_and_garbage_collection_is_disabled() -> None:
    gc_states: list[bool] = []

    def program() -> None:
        enable_fast_registration()
        gc_states.append(gc.isenabled())
        with pytest.raises(pulumi.RunError, match="may only be called once"):
            pulumi.run(do_nothing)  # refused, because `enable_fast_registration` was called before

    record_program(program)
    assert gc_states == [False]
