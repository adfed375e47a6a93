"""The emulator's checks, completed: what AWS refuses to connect when one end may not call the other.

AWS looks at the rights when a mapping, a destination or a notification is declared, and refuses it with an
error when they are not there *yet*: the most frequent way in which a program that is right fails at its
first `pulumi up`. The emulator (ministack 1.5.33) stores all of them unseen.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import contextvars
import json
from collections.abc import Callable
from typing import Any, cast

from ministack.core import iam_evaluator
from ministack.core.lambda_runtime import execution_credentials
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import lambda_svc, s3

Json = dict[str, Any]
Response = tuple[Any, ...]

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
# https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html#events-dynamodb-permissions
READING = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "dynamodb": ("GetRecords", "GetShardIterator", "DescribeStream"),
}
SENDING = {"sqs": "SendMessage", "sns": "Publish"}


def install() -> None:
    """Put the checks in front of what the emulator does."""
    lambda_svc._create_esm = _create_mapping
    lambda_svc._put_event_invoke_config = _put_event_invoke_config
    s3._validate_notification_configs = _validate_notifications


_ORIGINAL_CREATE_MAPPING = cast("Callable[[Json], Response]", lambda_svc._create_esm)
_ORIGINAL_PUT_INVOKE_CONFIG = cast("Callable[..., Response]", lambda_svc._put_event_invoke_config)
_ORIGINAL_VALIDATE = cast("Callable[..., Response | None]", s3._validate_notification_configs)


def _create_mapping(data: Json) -> Response:
    """`CreateEventSourceMapping`: the function's role must be able to read the source."""
    source: str = data.get("EventSourceArn", "")
    service = source.split(":")[2] if source.count(":") > 1 else ""
    function, config, _name = lambda_svc._get_func_record_for_ref(data.get("FunctionName", ""))
    if function and config:
        for action in READING.get(service, ()):
            if not role_may(config, f"{service}:{action}", source):
                return _invalid(
                    f"The function execution role does not have permissions to call {action} on {source}"
                )
        if refusal := _cannot_send(config, data.get("DestinationConfig")):
            return refusal
    if service == "dynamodb":
        data = {"BatchSize": 100, **data}  # the emulator's default is that of queues
    return _ORIGINAL_CREATE_MAPPING(data)


def _put_event_invoke_config(name: str, qualifier: str | None, data: Json) -> Response:
    """`PutFunctionEventInvokeConfig`: the function's role must be able to send to the destinations."""
    function, config, _name = lambda_svc._get_func_record_for_ref(name)
    if function and config and (refusal := _cannot_send(config, data.get("DestinationConfig"))):
        return refusal
    return _ORIGINAL_PUT_INVOKE_CONFIG(name, qualifier, data)


def _cannot_send(config: Json, destinations: Json | None) -> Response | None:
    for outcome in (destinations or {}).values():
        destination = str((outcome or {}).get("Destination") or "")
        service = destination.split(":")[2] if destination else ""
        action = SENDING.get(service)
        if action and not role_may(config, f"{service}:{action}", destination):
            return _invalid(
                f"The function's execution role does not have permissions to call {action} on {destination}"
            )
    return None


def role_may(config: Json, action: str, resource: str) -> bool:
    """Whether the role of a function is allowed to do something."""

    def allowed() -> bool:
        # Neither signed nor anonymous: what is asked about is not the request that is being answered.
        iam_evaluator._signed_request.set(None)
        iam_evaluator._anonymous.set(False)
        key = execution_credentials(config)["AWS_ACCESS_KEY_ID"]
        service = action.partition(":")[0]
        return iam_evaluator.enforce(key, action, service, get_region(), resource_arn=resource) is None

    return contextvars.copy_context().run(allowed)


def _validate_notifications(
    configs: list[Json],
    bucket_region: str,
    bucket_name: str = "",
    *arguments: object,
    **options: object,
) -> Response | None:
    """`PutBucketNotificationConfiguration`: S3 must be able to call the functions."""
    refusal = _ORIGINAL_VALIDATE(configs, bucket_region, bucket_name, *arguments, **options)
    if refusal:
        return refusal
    closed = [
        config["arn"]
        for config in configs
        if config["type"] == "lambda" and not bucket_may_call(config["arn"], bucket_name)
    ]
    if closed:
        return s3._invalid_notification_config(
            f"Unable to validate the following destination configurations: {', '.join(closed)}"
        )
    return None


def bucket_may_call(function_arn: str, bucket_name: str) -> bool:
    """Whether the function's own policy lets S3 call it for this bucket."""
    return service_may_call(function_arn, "s3.amazonaws.com", f"arn:aws:s3:::{bucket_name}")


def service_may_call(function_arn: str, service: str, source_arn: str) -> bool:
    """Whether the function's own policy lets a service call it in the name of one of its resources."""
    function, _config, _name = lambda_svc._get_func_record_for_ref(function_arn)
    if function is None:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=get_region(),
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": get_account_id(),
        },
    )
    policy = json.dumps(function["policy"])
    found = iam_evaluator.evaluate_resource_policy(policy, context, service=service)
    return found.decision == "Allow"


def _invalid(message: str) -> Response:
    return error_response_json("InvalidParameterValueException", message, 400)
