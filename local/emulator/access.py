"""Access checks for the emulator: refuse to connect a function to a resource if a permission is missing.

AWS checks the permissions when an event source mapping, a destination or a notification is created. If the
permission does not exist *yet*, AWS returns an error. Therefore a program that creates a permission too late
fails at its first `pulumi up`. The emulator (ministack 1.5.33) creates these resources without a check.
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

# The actions that a function's role needs in order to read an event source, by the service of the source.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
# https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html#events-dynamodb-permissions
SOURCE_ACTIONS = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "dynamodb": ("GetRecords", "GetShardIterator", "DescribeStream"),
}
# The action that a function's role needs in order to send to a destination, by the destination's service.
DESTINATION_ACTIONS = {"sqs": "SendMessage", "sns": "Publish"}


def install_access_checks() -> None:
    """Install the checks in the emulator."""
    lambda_svc._create_esm = _create_event_source_mapping
    lambda_svc._put_event_invoke_config = _put_event_invoke_config
    s3._validate_notification_configs = _validate_notifications


_ORIGINAL_CREATE_MAPPING = cast("Callable[[Json], Response]", lambda_svc._create_esm)
_ORIGINAL_PUT_INVOKE_CONFIG = cast("Callable[..., Response]", lambda_svc._put_event_invoke_config)
_ORIGINAL_VALIDATE = cast("Callable[..., Response | None]", s3._validate_notification_configs)


def _create_event_source_mapping(data: Json) -> Response:
    """Before `CreateEventSourceMapping`, check the role's permissions for the source and the destinations."""
    source: str = data.get("EventSourceArn", "")
    service = source.split(":")[2] if source.count(":") > 1 else ""
    function, config, _name = lambda_svc._get_func_record_for_ref(data.get("FunctionName", ""))
    if function and config:
        for action in SOURCE_ACTIONS.get(service, ()):
            if not is_allowed_by_role(config, f"{service}:{action}", source):
                return _create_error_response(
                    f"The function execution role does not have permissions to call {action} on {source}"
                )
        if refusal := _check_destinations(config, data.get("DestinationConfig")):
            return refusal
    if service == "dynamodb":
        # Set the default batch size of streams, because the emulator uses the default of queues (10) for all
        # sources.
        data = {"BatchSize": 100, **data}
    return _ORIGINAL_CREATE_MAPPING(data)


def _put_event_invoke_config(name: str, qualifier: str | None, data: Json) -> Response:
    """Before `PutFunctionEventInvokeConfig`, check that the function's role can send to the destinations."""
    function, config, _name = lambda_svc._get_func_record_for_ref(name)
    if function and config and (refusal := _check_destinations(config, data.get("DestinationConfig"))):
        return refusal
    return _ORIGINAL_PUT_INVOKE_CONFIG(name, qualifier, data)


def _check_destinations(config: Json, destinations: Json | None) -> Response | None:
    for outcome in (destinations or {}).values():
        destination = str((outcome or {}).get("Destination") or "")
        service = destination.split(":")[2] if destination else ""
        action = DESTINATION_ACTIONS.get(service)
        if action and not is_allowed_by_role(config, f"{service}:{action}", destination):
            return _create_error_response(
                f"The function's execution role does not have permissions to call {action} on {destination}"
            )
    return None


def is_allowed_by_role(function_config: Json, action: str, resource: str) -> bool:
    """Return whether the policies of a function's role allow an action on a resource."""

    def is_allowed() -> bool:
        # Clear the current request's principal in this copied context. The check is for the function's role.
        iam_evaluator._signed_request.set(None)
        iam_evaluator._anonymous.set(False)
        key = execution_credentials(function_config)["AWS_ACCESS_KEY_ID"]
        service = action.partition(":")[0]
        return iam_evaluator.enforce(key, action, service, get_region(), resource_arn=resource) is None

    return contextvars.copy_context().run(is_allowed)


def _validate_notifications(
    configs: list[Json],
    bucket_region: str,
    bucket_name: str = "",
    *arguments: object,
    **options: object,
) -> Response | None:
    """Before `PutBucketNotificationConfiguration`, check that S3 may call the functions."""
    refusal = _ORIGINAL_VALIDATE(configs, bucket_region, bucket_name, *arguments, **options)
    if refusal:
        return refusal
    closed = [
        config["arn"]
        for config in configs
        if config["type"] == "lambda" and not is_invocable_by_bucket(config["arn"], bucket_name)
    ]
    if closed:
        return s3._invalid_notification_config(
            f"Unable to validate the following destination configurations: {', '.join(closed)}"
        )
    return None


def is_invocable_by_bucket(function_arn: str, bucket_name: str) -> bool:
    """Return whether the function's resource policy lets S3 call the function for this bucket."""
    return is_invocable_by_service(function_arn, "s3.amazonaws.com", f"arn:aws:s3:::{bucket_name}")


def is_invocable_by_service(function_arn: str, service: str, source_arn: str) -> bool:
    """Return whether the function's resource policy lets a service call the function for a source.

    Args:
        function_arn: The ARN of the function.
        service: The calling service, such as `s3.amazonaws.com`.
        source_arn: The ARN of the resource that causes the call, such as a bucket or a rule.
    """
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


def _create_error_response(message: str) -> Response:
    return error_response_json("InvalidParameterValueException", message, 400)
