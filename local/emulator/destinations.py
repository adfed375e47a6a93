"""The emulator's Lambda, completed: work that failed for good goes where the function's role may send it.

The emulator (ministack 1.5.33) puts it into the queue whatever the role may do, and as the same record for a
destination and for a dead-letter queue, which says three attempts however many there were.
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
SessionFor = Callable[[Credentials], boto3.Session]
"""Makes a session that speaks to the emulator."""

LOG = logging.getLogger(__name__)
DEFAULT_RETRIES = 2
# How long until a failed asynchronous call is tried again, doubled each time: a minute in AWS.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
ASYNC_RETRY_SECONDS = 0.2


@frozen(kw_only=True)
class Destinations:
    """Sends what failed to queues and topics, as the role of the function that failed."""

    session_for: SessionFor

    def send(
        self, config: Json, destination: str, body: object, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Send a record; what AWS would count as `DestinationDeliveryFailures` goes to the log.

        Args:
            config: The function's configuration.
            destination: The ARN of a queue or a topic.
            body: Becomes JSON.
            attributes: Of the message.
        """
        keys = execution_credentials(config)
        session = self.session_for(
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
                # Its URL, without asking for it: a role that sends need not be allowed to ask.
                url = f"{client.meta.endpoint_url}/{account}/{name}"
                client.send_message(QueueUrl=url, MessageBody=json.dumps(body), MessageAttributes=described)
            elif service == "sns":
                client.publish(TopicArn=destination, Message=json.dumps(body), MessageAttributes=described)
            else:
                LOG.error("%s is no destination that the embedded cloud knows", destination)
        except (BotoCoreError, ClientError) as error:
            LOG.error("%s could not send to %s: %s", config["FunctionName"], destination, error)  # noqa: TRY400 - the reason is the message


def install(destinations: Destinations) -> None:
    """Replace what the emulator does when an asynchronous invocation has failed for good."""

    def route_failure(_target: str, name: str, event: Json, result: Json) -> None:
        function: Json = lambda_svc._functions[name]
        send_failure(destinations, function, event, result)

    lambda_svc._route_async_failure = route_failure
    lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS = ASYNC_RETRY_SECONDS


def send_failure(destinations: Destinations, function: Json, event: Json, result: Json) -> None:
    """Send an event that failed asynchronously to the on-failure destination and to the dead-letter queue."""
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
