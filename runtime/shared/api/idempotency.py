"""The `Idempotency-Key` header of POST requests.

Document: the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
import json
import re
from typing import Final

from attrs import field, frozen

from runtime.shared.api.http import Request
from runtime.shared.api.inputs import parse_json
from runtime.shared.errors import FieldProblem, InvalidInputError, MalformedError

HEADER: Final = "Idempotency-Key"
# The draft's value is a quoted string. Many clients send it without quotes.
_KEY: Final = re.compile(r'"?([!#-\[\]-~]{1,255})"?')


class IdempotencyKeyReusedError(InvalidInputError):
    """The idempotency key was used for another request within the last 24 hours."""

    def __init__(self) -> None:
        problem = "was used for a request with another body or path: send a new key with each new request"
        super().__init__(FieldProblem(field=HEADER, problem=problem))


@frozen(kw_only=True)
class IdempotentRequest:
    """A request with an idempotency key.

    Attributes:
        identity: Hash of the user, the route and the key.
        fingerprint: Hash of the path and the body.
    """

    identity: str = field(repr=False)
    fingerprint: str = field(repr=False)


def read_idempotent_request(request: Request) -> IdempotentRequest | None:
    """Return the identity of a request with an idempotency key, or None without a key.

    Raises:
        MalformedError: The key is not 1 to 255 visible ASCII characters.
    """
    header = request.headers.get(HEADER.lower())
    if header is None:
        return None
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise MalformedError(f"the header {HEADER} must be 1 to 255 visible ASCII characters, such as a UUID")
    body = parse_json(request.body) if request.body else None
    return IdempotentRequest(
        identity=_compute_hash(request.user_id, request.route, found[1]),
        fingerprint=_compute_hash(request.path_parameters, body),
    )


def _compute_hash(*parts: object) -> str:
    # Equal JSON values have equal hashes: the order of members does not matter.
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
