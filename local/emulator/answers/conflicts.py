"""Hooks that refuse to create an existing resource again, as AWS does: always, or if the settings differ.

The emulator (ministack 1.5.33) refuses most duplicates, but not those that this module checks. Without these
checks, the next `pulumi up` after a killed `pulumi up` would succeed here, but not on AWS.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import json
from collections.abc import Mapping
from typing import Any, cast

from ministack.core.responses import error_response_json
from ministack.services import apigateway, cloudfront, lambda_svc, sns, sqs

from local.emulator.answers.hooking import Function, Response, read_query_map, replace_function

Json = dict[str, Any]


def install_conflict_checks() -> None:
    """Install the checks."""
    replace_function(apigateway, "_create_authorizer", _wrap_create_authorizer)
    replace_function(apigateway, "_create_route", _wrap_create_route)
    replace_function(apigateway, "_create_stage", _wrap_create_stage)
    replace_function(cloudfront, "_create_distribution", _wrap_create_distribution)
    replace_function(lambda_svc, "_create_esm", _wrap_create_event_source_mapping)
    replace_function(sns, "_create_topic", _wrap_create_topic)
    replace_function(sns, "_subscribe", _wrap_subscribe)
    replace_function(sqs, "_act_create_queue", _wrap_create_queue)


def _wrap_create_authorizer(original: Function) -> Function:
    def create(api_id: str, data: Json) -> Response:
        name = data.get("name", "")
        if any(each["name"] == name for each in apigateway._authorizers.get(api_id, {}).values()):
            return _refuse_api_duplicate(
                f"Authorizer name must be unique. Authorizer {name} already exists in this RestApi."
            )
        return cast("Response", original(api_id, data))

    return create


def _wrap_create_route(original: Function) -> Function:
    def create(api_id: str, data: Json) -> Response:
        key = data.get("routeKey", "$default")
        if any(each["routeKey"] == key for each in apigateway._routes.get(api_id, {}).values()):
            return _refuse_api_duplicate(f"Route with key {key} already exists for this API")
        return cast("Response", original(api_id, data))

    return create


def _wrap_create_stage(original: Function) -> Function:
    def create(api_id: str, data: Json) -> Response:
        if data.get("stageName", "$default") in apigateway._stages.get(api_id, {}):
            return _refuse_api_duplicate("Stage already exists")
        return cast("Response", original(api_id, data))

    return create


def _refuse_api_duplicate(message: str) -> Response:
    return cast("Response", apigateway._apigw_error("ConflictException", message, 409))


def _wrap_create_distribution(original: Function) -> Function:
    """Return `original` with a check: a reused caller reference is refused if the configuration differs."""

    def create(headers: Json, body: bytes) -> Response:
        config, _tags = cloudfront._unwrap_distribution_create_xml(cloudfront._parse_body(body))
        reference = "" if config is None else cloudfront._text(config, "CallerReference")
        for known in cloudfront._distributions.values():
            same = config is not None and known["config_xml"] == cloudfront.tostring(
                config, encoding="unicode"
            )
            if known["CallerReference"] == reference and not same:
                message = (
                    "The caller reference that you are using to create a distribution is associated with "
                    f"another distribution. Already exists: {known['Id']}"
                )
                return cast("Response", cloudfront._error("DistributionAlreadyExists", message, 409))
        return cast("Response", original(headers, body))

    return create


def _wrap_create_event_source_mapping(original: Function) -> Function:
    def create(data: Json) -> Response:
        known = dict(lambda_svc._esms.items())
        response = cast("Response", original(data))
        for created_id in set(lambda_svc._esms.keys()) - known.keys():
            created: Json = lambda_svc._esms[created_id]
            source, function = created["EventSourceArn"], created["FunctionArn"]
            for other_id, other in known.items():
                if (other["EventSourceArn"], other["FunctionArn"]) == (source, function):
                    del lambda_svc._esms[created_id]
                    message = (
                        f'The event source arn (" {source} ") and function (" {data["FunctionName"]} ") '
                        "provided mapping already exists. Please update or delete the existing mapping with "
                        f"UUID {other_id}"
                    )
                    return cast("Response", error_response_json("ResourceConflictException", message, 409))
        return response

    return create


def _wrap_create_topic(original: Function) -> Function:
    def create(params: Json) -> Response:
        arn = f"arn:aws:sns:{sns.get_region()}:{sns.get_account_id()}:{sns._p(params, 'Name')}"
        topic: Json | None = sns._topics.get(arn)
        if topic is not None:
            if _find_unequal_attributes(read_query_map(params, "Attributes.entry"), topic["attributes"]):
                return _refuse_sns_duplicate(
                    "Attributes Reason: Topic already exists with different attributes"
                )
            tags = sns._param_tags(params)
            if tags and dict(tags) != topic["tags"]:
                return _refuse_sns_duplicate("Tags Reason: Topic already exists with different tags")
        return cast("Response", original(params))

    return create


def _wrap_subscribe(original: Function) -> Function:
    def subscribe(params: Json) -> Response:
        topic: Json | None = sns._topics.get(sns._p(params, "TopicArn"))
        wanted = (sns._p(params, "Protocol"), sns._p(params, "Endpoint"))
        for known in topic["subscriptions"] if topic else []:
            given = read_query_map(params, "Attributes.entry")
            if (known["protocol"], known["endpoint"]) == wanted and _find_unequal_attributes(
                given, known["attributes"]
            ):
                return _refuse_sns_duplicate(
                    "Attributes Reason: Subscription already exists with different attributes"
                )
        return cast("Response", original(params))

    return subscribe


def _refuse_sns_duplicate(message: str) -> Response:
    return cast("Response", sns._error("InvalidParameter", f"Invalid parameter: {message}", 400))


def _wrap_create_queue(original: Function) -> Function:
    def create(data: Json, url: str) -> Response:
        queue: Json | None = sqs._queues.get(sqs._queue_url(data.get("QueueName", "")))
        if queue is not None:
            given = {name: str(value) for name, value in (data.get("Attributes") or {}).items()}
            differing = [f"attribute {name}" for name in _find_unequal_attributes(given, queue["attributes"])]
            tags = data.get("tags") or data.get("Tags")
            if tags and tags != queue["tags"]:
                differing.append("tags")
            if differing:
                problem = (
                    f"A queue already exists with the same name and a different value for {differing[0]}"
                )
                raise sqs._Err("QueueAlreadyExists", problem)
        return cast("Response", original(data, url))

    return create


def _find_unequal_attributes(given: Mapping[str, str], present: Mapping[str, Any]) -> list[str]:
    """Return the attributes of a request whose values differ from those of the existing resource."""
    return [
        name
        for name, value in given.items()
        if _normalize_value(value) != _normalize_value(present.get(name, ""))
    ]


def _normalize_value(value: object) -> object:
    """Return a value for comparisons: the parsed JSON document, or any other text in lower case."""
    text = str(value)
    try:
        return json.loads(text) if text[:1] in {"{", "["} else text.lower()
    except ValueError:
        return text
