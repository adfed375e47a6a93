"""Checks every boto3 call of the tests against AWS's models, because moto accepts values that AWS refuses.

The code under test could catch the error of a refused call. So this module also collects the refused calls. A
fixture in `tests/runtime/conftest.py` fails each test in that folder that made such a call.
"""

from collections.abc import Mapping
from typing import Any

from botocore import handlers
from botocore.model import OperationModel

from aws_models.calls import EVENT, InvalidCallError, refuse_invalid_call

_refused: list[str] = []


def install_checks() -> None:
    """Check the calls of all clients that this process creates from now on."""
    handlers.BUILTIN_HANDLERS.append((EVENT, _refuse_and_record_call, handlers.REGISTER_LAST))


def take_refused_calls() -> list[str]:
    """Return the messages of the refused boto3 calls, and clear the list of these messages."""
    taken = list(_refused)
    _refused.clear()
    return taken


def _refuse_and_record_call(params: Mapping[str, Any], model: OperationModel, **_: object) -> None:
    try:
        refuse_invalid_call(params, model)
    except InvalidCallError as error:
        _refused.append(str(error))
        raise
