"""Parameter Store hooks for the emulator: secure parameters are unreadable without permission for their key.

The emulator (ministack 1.5.33) shows the Base64 of the value to callers that do not ask for decryption. It
decrypts for every caller, without a check of `kms:Decrypt`. Every caller of the account may use the keys that
AWS manages through Parameter Store, so the check is only for the account's own keys.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import base64
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, cast

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_region
from ministack.services import kms, ssm

from local.emulator.answers.hooking import Function, replace_function

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_READS = ("_get_parameter", "_get_parameters", "_get_parameters_by_path", "_get_parameter_history")
_CIPHERTEXT_BYTES = 150


def install_parameter_hooks() -> None:
    """Install the hooks of the calls that write and read parameters."""
    replace_function(ssm, "_put_parameter", _build_put)
    for name in _READS:
        replace_function(ssm, name, _build_read)


def _build_put(original: Function) -> Function:
    def put_parameter(data: Json) -> Response:
        if data.get("Type") == "SecureString" and _is_refused("kms:Encrypt", data["Name"], data.get("KeyId")):
            return _refuse("kms:Encrypt")
        response: Response = original(data)
        for stored in _find_stored(data.get("Name", "")):
            if stored["Type"] == "SecureString" and stored["Value"].startswith("ENCRYPTED:"):
                stored["Value"] = base64.b64encode(os.urandom(_CIPHERTEXT_BYTES)).decode()
        return response

    return put_parameter


def _build_read(original: Function) -> Function:
    def read_parameters(data: Json) -> Response:
        response = cast("Callable[[Json], Response]", original)(data)
        if not data.get("WithDecryption") or response[0] != 200:  # noqa: PLR2004 - HTTP's OK
            return response
        document = json.loads(response[2])
        for found in document.get("Parameters") or [document.get("Parameter") or {}]:
            if found.get("Type") == "SecureString":
                stored = next(_find_stored(found["Name"]), {})
                if _is_refused("kms:Decrypt", found["Name"], stored.get("KeyId")):
                    return _refuse("kms:Decrypt")
        return response

    return read_parameters


def _find_stored(name: str) -> Iterator[Json]:
    """Yield the emulator's records of a parameter: the newest version, then all versions."""
    found = ssm._parameters.get(name)
    if found is not None:
        yield found
    yield from ssm._parameter_history.get(name) or ()


def _is_refused(action: str, name: str, key_id: str | None) -> bool:
    """Return whether the caller lacks the permission for the key, through Parameter Store."""
    key = kms._resolve_key(key_id) if key_id and not key_id.startswith("alias/aws/") else None
    # The emulator does not record the key of the administrator, who may do everything.
    caller = iam_evaluator._verified_key.get()
    if key is None or not caller:
        return False
    context = {
        "kms:ViaService": f"ssm.{get_region()}.amazonaws.com",
        "kms:EncryptionContextKeys": ["PARAMETER_ARN"],
        "kms:EncryptionContext:PARAMETER_ARN": ssm._param_arn(name),
    }
    refused = iam_evaluator.enforce(
        caller, action, "kms", get_region(), resource_arn=key["Arn"], service_context=context
    )
    return refused is not None


def _refuse(action: str) -> Response:
    message = f"The caller is not authorized to perform {action} on the key of this parameter"
    return error_response_json("AccessDeniedException", message, 400)
