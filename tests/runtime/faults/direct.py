# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""A client of moto's DynamoDB without HTTP, because HTTP takes most of the time of a boto3 call to moto.

The client enforces limits of DynamoDB that moto does not have (`tests.stricter_dynamodb`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import Factory, define
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler

from tests.runtime.calls import REGION
from tests.stricter_dynamodb import Limits, shuffle_attributes


class DirectDynamoDB:
    """A DynamoDB client. It does not validate arguments, because `RecordedClient` validates them."""

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call_operation(**arguments: Any) -> Any:
            handler = DynamoHandler()
            handler.region, handler.current_account = REGION, DEFAULT_ACCOUNT_ID
            handler.uri_match = {}
            text = json.dumps(arguments)
            handler.params = handler.body = json.loads(text)
            name = "".join(word.capitalize() for word in operation.split("_"))
            try:
                Limits(name, text, handler.body, handler.dynamodb_backend).check()
                result = getattr(handler, operation)().result
            except DynamodbException as refused:
                answer = shuffle_attributes(json.loads(refused.description))
                code = answer.pop("__type").rpartition("#")[2]
                error = {"Code": code, "Message": answer.pop("message", "")}
                raise ClientError({**answer, "Error": error}, operation) from None
            return shuffle_attributes(json.loads(dynamo_json_dump(result)))

        return call_operation


@define
class InMemoryParameters:
    """A fake Parameter Store for the code that starts builds."""

    values: dict[str, Mapping[str, Any]] = Factory(dict)

    def put_parameter(self, **arguments: Any) -> Mapping[str, Any]:
        self.values[arguments["Name"]] = arguments
        return {"Version": 1}

    def get_parameters(self, **arguments: Any) -> Mapping[str, Any]:
        return {"Parameters": [self.values[name] for name in arguments["Names"]]}
