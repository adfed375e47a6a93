"""S3 hook for the emulator: store the minimum object size for transitions, as S3 does.

The emulator (ministack 1.5.33) always returns S3's default. Without the hook, `pulumi refresh` would show
every other value as drift.
"""


# pyright: reportPrivateUsage=false

from collections.abc import Mapping
from typing import Any, Final, cast

from ministack.services import s3

from local.emulator.answers.hooking import Function, Response, replace_function

HEADER: Final = "x-amz-transition-default-minimum-object-size"
DEFAULT: Final = "all_storage_classes_128K"
_OK: Final = 200

# The minimum size by bucket name. Each new lifecycle configuration of a bucket replaces the value.
_sizes: dict[str, str] = {}


def install_lifecycle_hooks() -> None:
    """Install the hook."""
    replace_function(s3, "_dispatch", _wrap_dispatch)


def _wrap_dispatch(original: Function) -> Function:
    def dispatch(  # noqa: PLR0913, PLR0917 - the parameters of the emulator's function
        method: str,
        bucket: str,
        key: str,
        headers: Mapping[str, str],
        body: bytes,
        query_params: Mapping[str, Any],
    ) -> Response:
        response = cast("Response", original(method, bucket, key, headers, body, query_params))
        if key or "lifecycle" not in query_params or response[0] != _OK or method not in {"GET", "PUT"}:
            return response
        if method == "PUT":
            _sizes[bucket] = {name.lower(): value for name, value in headers.items()}.get(HEADER, DEFAULT)
        status, answer_headers, content = response
        return status, {**answer_headers, HEADER: _sizes.get(bucket, DEFAULT)}, content

    return dispatch
