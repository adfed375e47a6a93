"""Destination hooks for the emulator's Lambda: send failed events, with the function's permissions.

The emulator (ministack 1.5.33) ignores the permissions of the function's role. In AWS, the record for a
dead-letter queue differs from the record for an on-failure destination. The emulator sends the same record to
both, and this record always reports three attempts.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import datetime as dt
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.lambda_runtime import execution_credentials
from ministack.services import lambda_svc

from local.emulator.node_function import Credentials

Json = dict[str, Any]
CreateSession = Callable[[Credentials], boto3.Session]
"""Creates a session of the emulator for credentials."""

LOG = logging.getLogger(__name__)
DEFAULT_RETRIES = 2
# Delay before the first retry of a failed asynchronous call. The delay is doubled for each further retry.
# In AWS, the first delay is one minute.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
ASYNC_RETRY_SECONDS = 0.2


@frozen(kw_only=True)
class DestinationSender:
    """A sender of failed events to queues and topics. It uses the role of the function that failed."""

    create_session: CreateSession

    def send(
        self, config: Json, destination: str, body: object, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Send a record. If this fails, write the error to the log.

        AWS counts such failures in the metric `DestinationDeliveryFailures`.

        Args:
            config: The function's configuration.
            destination: The ARN of a queue or a topic.
            body: The record, which is sent as JSON.
            attributes: The message attributes.
        """
        keys = execution_credentials(config)
        session = self.create_session(
            Credentials(
                access_key_id=keys["AWS_ACCESS_KEY_ID"],
                secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
                session_token=keys["AWS_SESSION_TOKEN"],
            )
        )
        _arn, _partition, service, region, account, name = destination.split(":")
        described = {
            key: {"DataType": "String", "StringValue": value} for key, value in (attributes or {}).items()
        }
        client: Any = session.client(service, region_name=region)  # pyright: ignore[reportCallIssue, reportArgumentType]
        try:
            if service == "sqs":
                # Compose the queue URL, because the role possibly has no permission for `GetQueueUrl`.
                url = f"{client.meta.endpoint_url}/{account}/{name}"
                client.send_message(QueueUrl=url, MessageBody=json.dumps(body), MessageAttributes=described)
            elif service == "sns":
                client.publish(TopicArn=destination, Message=json.dumps(body), MessageAttributes=described)
            else:
                LOG.error("%s is not a destination that the embedded cloud supports", destination)
        except (BotoCoreError, ClientError) as error:
            LOG.error("%s could not send to %s: %s", config["FunctionName"], destination, error)  # noqa: TRY400 - the reason is the message


def install_destination_hooks(destinations: DestinationSender) -> None:
    """Replace the emulator's handling of asynchronous invocations whose last attempt failed."""

    def route_failure(_target: str, name: str, event: Json, result: Json) -> None:
        function: Json = lambda_svc._functions[name]
        send_failure(destinations, function, event, result)

    lambda_svc._route_async_failure = route_failure
    lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS = ASYNC_RETRY_SECONDS


def send_failure(destinations: DestinationSender, function: Json, event: Json, result: Json) -> None:
    """Send a failed asynchronous event to the function's on-failure destination and its dead-letter queue.

    If the function has neither of them, do nothing.
    """
    config: Json = function["config"]
    settings: Json = (
        function.get("event_invoke_config")
        or (function.get("event_invoke_configs") or {}).get("$LATEST")
        or {}
    )
    retries: int | None = settings.get("MaximumRetryAttempts")
    error = result.get("body") if isinstance(result.get("body"), dict) else {}
    request_id = str(uuid.uuid4())
    destination = ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if destination:
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        record = {
            "version": "1.0",
            "timestamp": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"{config['FunctionArn']}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": (DEFAULT_RETRIES if retries is None else retries) + 1,
            },
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": result.get("function_error") or "Unhandled",
            },
            "responsePayload": error,
        }
        destinations.send(config, destination, record)
    dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead_letters:
        message = str((error or {}).get("errorMessage", ""))[:1024]
        attributes = {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": message or "-"}
        destinations.send(config, dead_letters, event, attributes)
