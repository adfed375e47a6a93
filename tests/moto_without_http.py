"""boto3 clients call moto's DynamoDB directly, without HTTP.

HTTP took more than half of the time of the tests that use tables. botocore still validates and serializes the
parameters, and its parser reads the response. The direct calls skip the signature, the HTTP request, and
moto's lookup of the service and the operation. They add the limits of DynamoDB that moto does not have
(`tests.stricter_dynamodb`).
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

from tests.stricter_dynamodb import Limits, shuffle_attributes

METHODS: Final = {
    "BatchGetItem": "batch_get_item",
    "BatchWriteItem": "batch_write_item",
    "CreateTable": "create_table",
    "DeleteItem": "delete_item",
    "GetItem": "get_item",
    "PutItem": "put_item",
    "Query": "query",
    "Scan": "scan",
    "TransactWriteItems": "transact_write_items",
    "UpdateItem": "update_item",
}
_PARSER: Final = create_parser("json")


def call_moto(model: Any, params: Any, request_signer: Any, **_: object) -> tuple[Any, Any] | None:  # noqa: ANN401 - types of botocore
    """Return moto's response to an operation on tables or rows, or None to send the request over HTTP.

    This is a handler of botocore's event `before-call.dynamodb`. It returns None if moto is not active, if
    the client's endpoint is not in AWS, or if the operation is not in `METHODS`.
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
        limits = Limits(model.name, params["body"].decode(), handler.body, handler.dynamodb_backend)
        limits.check()
        status, body = 200, dynamo_json_dump(getattr(handler, METHODS[model.name])().result)
    except DynamodbException as refused:
        status, body = refused.code or 400, str(refused.description)
    response = {"status_code": status, "headers": {}, "body": body.encode()}
    parsed = _PARSER.parse(response, model.output_shape)
    error = model.service_model.shape_for_error_code(parsed["Error"]["Code"]) if "Error" in parsed else None
    if error:  # add the error's own fields, such as the row that failed a condition
        parsed |= _PARSER.parse(response, error)
    return SimpleNamespace(status_code=status), shuffle_attributes(parsed)


def install_handler() -> None:
    """Install the handler for all clients created from now on, after all other handlers of the event.

    By default, each start of moto registers every AWS service with `requests` for every HTTP method. That is
    slow. The tests use `requests` only to upload files, so moto registers only POST and PUT.
    """
    models.RESPONSES_METHODS = ["POST", "PUT"]
    handlers.BUILTIN_HANDLERS.append(("before-call.dynamodb", call_moto, handlers.REGISTER_LAST))
