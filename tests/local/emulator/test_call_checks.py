"""The embedded AWS refuses calls with values that AWS would refuse (L7)."""

import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import Emulator
from tests.local.emulator.probe import invoke_probe, make_function


def test_a_call_by_a_client_with_an_invalid_value_is_refused(emulator: Emulator) -> None:
    """Without this check, the emulator would look for a function with the name `two words`."""
    with pytest.raises(ClientError, match="FunctionName does not match the pattern") as refused:
        emulator.client("lambda").get_function(FunctionName="two words")
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_call_by_a_function_with_an_invalid_value_is_refused(emulator: Emulator) -> None:
    code = """
        import boto3
        def handle(event, context):
            try:
                boto3.client("lambda").get_function(FunctionName="two words")
            except Exception as refused:
                return [type(refused).__name__, str(refused)]
        """
    make_function(emulator, code)
    name, message = invoke_probe(emulator)
    assert name == "InvalidCallError"
    assert "FunctionName does not match the pattern" in message
