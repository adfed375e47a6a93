"""What makes the program fast is in effect when Pulumi runs it; under plain mocks see `test_program.py`."""

import gc

import pulumi
import pytest

from components.core.registration import enable_fast_registration
from tests.components.recorder import record_program


async def nothing() -> None:
    pass


def test_registrations_are_sent_early_and_no_garbage_is_collected() -> None:
    collects: list[bool] = []

    def program() -> None:
        enable_fast_registration()
        collects.append(gc.isenabled())
        with pytest.raises(pulumi.RunError, match="may only be called once"):
            pulumi.run(nothing)  # it has been called: it is not refused for another reason

    record_program(program)
    assert collects == [False]
