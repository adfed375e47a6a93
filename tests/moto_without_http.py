"""moto's DynamoDB, asked without HTTP: more than half of the time of tests with tables went into that.

botocore checks and serialises the arguments and parses the answer, as ever. Left out is what lies between:
the signature, the prepared request, and moto's search for the service and the operation it is for.
"""

import json
from types import SimpleNamespace
from typing import Any, Final

from botocore import handlers
from botocore.parsers import create_parser
from moto.core import DEFAULT_ACCOUNT_ID, models
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler

METHODS: Final = {
    "BatchGetItem": "batch_get_item",
    "BatchWriteItem": "batch_write_item",
    "DeleteItem": "delete_item",
    "GetItem": "get_item",
    "PutItem": "put_item",
    "Query": "query",
    "Scan": "scan",
    "TransactWriteItems": "transact_write_items",
    "UpdateItem": "update_item",
}
_PARSER: Final = create_parser("json")


def answer(model: Any, params: Any, request_signer: Any, **_: object) -> tuple[Any, Any] | None:  # noqa: ANN401 - botocore's own types
    """Answer an operation on rows as moto would; None leaves it to botocore, and so to moto.

    It is botocore's event `before-call.dynamodb`. Clients of other DynamoDBs are none of its business.
    """
    if (
        not models.botocore_stubber.enabled
        or model.name not in METHODS
        or "amazonaws.com" not in params["url"]
    ):
        return None
    handler = DynamoHandler()
    handler.region, handler.current_account = request_signer.region_name, DEFAULT_ACCOUNT_ID
    handler.uri_match = {}
    handler.params = handler.body = json.loads(params["body"])
    try:
        status, body = 200, dynamo_json_dump(getattr(handler, METHODS[model.name])().result)
    except DynamodbException as refused:
        status, body = refused.code or 400, str(refused.description)
    response = {"status_code": status, "headers": {}, "body": body.encode()}
    parsed = _PARSER.parse(response, model.output_shape)
    error = model.service_model.shape_for_error_code(parsed["Error"]["Code"]) if "Error" in parsed else None
    if error:  # what errors say beyond code and message, such as the row that made a condition fail
        parsed |= _PARSER.parse(response, error)
    return SimpleNamespace(status_code=status), parsed


def install() -> None:
    """For every client that is made from now on. What else listens to the event has listened before.

    Each start of moto also has `requests` led to every service of AWS, method by method: here the two
    by which files are uploaded, which is all that goes by `requests`.
    """
    models.RESPONSES_METHODS = ["POST", "PUT"]
    handlers.BUILTIN_HANDLERS.append(("before-call.dynamodb", answer, handlers.REGISTER_LAST))
