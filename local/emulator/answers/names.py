"""Hooks that check the names of created resources as AWS does.

The emulator (ministack 1.5.33) accepts most names. Without these checks, a name that is too long or has a
wrong character would be noticed only on AWS. The constraints are those of AWS's API models. If a model has
no constraint, a comment above the rule links to AWS's documentation.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import re
from collections.abc import Callable
from functools import partial
from html import escape
from types import ModuleType
from typing import Any, Final, cast

from attrs import frozen
from ministack.core.responses import error_response_json
from ministack.services import (
    acm,
    apigateway,
    cloudfront,
    cloudwatch,
    cloudwatch_logs,
    codebuild,
    cognito,
    eventbridge,
    iam,
    kms,
    lambda_svc,
    s3,
    sns,
    sqs,
)

from local.emulator.answers.hooking import Function, Response, read_query_map, replace_function

Refuse = Callable[[str, tuple[Any, ...]], Response]
"""Returns or raises the service's error. Called with the problem and with the arguments of the function."""


@frozen
class Constraint:
    """The length and the characters of a name. If `pattern` is None, all characters are allowed."""

    longest: int
    pattern: str | None = None
    shortest: int = 1

    def find_problem(self, name: str) -> str | None:
        """Return AWS's message about the constraint that the name violates, or None for a valid name."""
        if len(name) > self.longest:
            return f"Member must have length less than or equal to {self.longest}"
        if len(name) < self.shortest:
            return f"Member must have length greater than or equal to {self.shortest}"
        if self.pattern and not re.fullmatch(self.pattern, name, re.ASCII):
            return f"Member must satisfy regular expression pattern: {self.pattern}"
        return None


def _refuse_name_with_json_error(code: str, problem: str, _arguments: tuple[Any, ...]) -> Response:
    return cast("Response", error_response_json(code, problem, 400))


def _refuse_iam_name(problem: str, _arguments: tuple[Any, ...]) -> Response:
    return cast("Response", iam._error(400, "ValidationError", escape(problem)))


def _refuse_queue_name(_problem: str, _arguments: tuple[Any, ...]) -> Response:
    message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    raise sqs._Err("InvalidParameterValue", message)


def _refuse_topic_name(_problem: str, _arguments: tuple[Any, ...]) -> Response:
    return cast("Response", sns._error("InvalidParameter", "Invalid parameter: Topic Name", 400))


def _refuse_cloudwatch_name(code: str, problem: str, arguments: tuple[Any, ...]) -> Response:
    _params, _data, is_cbor, *is_json = arguments
    error = cloudwatch._error(code, problem, 400, use_json=bool(is_json and is_json[0]), use_cbor=is_cbor)
    return cast("Response", error)


def _refuse_api_name(problem: str, _arguments: tuple[Any, ...]) -> Response:
    return cast("Response", apigateway._apigw_error("BadRequestException", problem, 400))


def _refuse_cloudfront_name(problem: str, _arguments: tuple[Any, ...]) -> Response:
    return cast("Response", cloudfront._error("InvalidArgument", problem, 400))


@frozen
class NameRule:
    """The check of one argument of a function that creates a resource.

    Attributes:
        module: The emulator's module of the service.
        function: The name of the function.
        argument: The name of the argument in AWS's API. The argument is in a mapping or in an XML body.
        constraint: The constraint of the argument.
        refuse: Returns the service's error response, or raises the service's error.
    """

    module: ModuleType
    function: str
    argument: str
    constraint: Constraint
    refuse: Refuse


_IAM_NAME: Final = r"[\w+=,.@-]+"
_SIMPLE_NAME: Final = "[a-zA-Z0-9-_]+"
_EVENTS_NAME: Final = r"[\.\-_A-Za-z0-9]+"
_COGNITO_NAME: Final = r"[\w\s+=,.@-]+"
# Cognito also allows letters, marks, symbols, numbers and punctuation of other scripts.
_COGNITO_GROUP_NAME: Final = "[!-~]+"
_API_NAME: Final = Constraint(128)
_DOMAIN_NAME: Final = r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])"
_VALIDATION: Final = partial(_refuse_name_with_json_error, "ValidationException")
_INVALID_PARAMETER: Final = partial(_refuse_name_with_json_error, "InvalidParameterException")

RULES: Final = (
    NameRule(acm, "_request_certificate", "DomainName", Constraint(253, _DOMAIN_NAME), _VALIDATION),
    NameRule(apigateway, "_create_api", "name", _API_NAME, _refuse_api_name),
    NameRule(apigateway, "_create_authorizer", "name", _API_NAME, _refuse_api_name),
    NameRule(apigateway, "_create_domain_name", "domainName", Constraint(512), _refuse_api_name),
    # https://docs.aws.amazon.com/apigateway/latest/api/API_CreateStage.html
    NameRule(
        apigateway, "_create_stage", "stageName", Constraint(128, r"\$default|[\w-]+"), _refuse_api_name
    ),
    NameRule(
        cloudfront, "_cf_create_function", "Name", Constraint(64, _SIMPLE_NAME), _refuse_cloudfront_name
    ),
    NameRule(cloudfront, "_create_oac", "Name", Constraint(64), _refuse_cloudfront_name),
    NameRule(
        cloudwatch,
        "_put_metric_alarm",
        "AlarmName",
        Constraint(255),
        partial(_refuse_cloudwatch_name, "ValidationError"),
    ),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
    NameRule(
        cloudwatch,
        "_put_dashboard",
        "DashboardName",
        Constraint(255, "[A-Za-z0-9-_]+"),
        partial(_refuse_cloudwatch_name, "InvalidParameterInput"),
    ),
    NameRule(
        cloudwatch_logs,
        "_create_log_group",
        "logGroupName",
        Constraint(512, r"[\.\-_/#A-Za-z0-9]+"),
        _INVALID_PARAMETER,
    ),
    NameRule(
        cloudwatch_logs, "_put_metric_filter", "filterName", Constraint(512, "[^:*]*"), _INVALID_PARAMETER
    ),
    NameRule(
        codebuild,
        "_create_project",
        "name",
        Constraint(150, r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}", shortest=2),
        partial(_refuse_name_with_json_error, "InvalidInputException"),
    ),
    NameRule(cognito, "_create_group", "GroupName", Constraint(128, _COGNITO_GROUP_NAME), _INVALID_PARAMETER),
    NameRule(cognito, "_create_user_pool", "PoolName", Constraint(128, _COGNITO_NAME), _INVALID_PARAMETER),
    NameRule(
        cognito,
        "_create_user_pool_client",
        "ClientName",
        Constraint(128, _COGNITO_NAME),
        _INVALID_PARAMETER,
    ),
    NameRule(eventbridge, "_put_rule", "Name", Constraint(64, _EVENTS_NAME), _VALIDATION),
    NameRule(eventbridge, "_put_targets", "Id", Constraint(64, _EVENTS_NAME), _VALIDATION),
    NameRule(iam, "_create_policy", "PolicyName", Constraint(128, _IAM_NAME), _refuse_iam_name),
    NameRule(iam, "_create_role", "RoleName", Constraint(64, _IAM_NAME), _refuse_iam_name),
    NameRule(iam, "_put_role_policy", "PolicyName", Constraint(128, _IAM_NAME), _refuse_iam_name),
    NameRule(kms, "_create_alias", "AliasName", Constraint(256, "[a-zA-Z0-9:/_-]+"), _VALIDATION),
    NameRule(lambda_svc, "_add_permission", "StatementId", Constraint(100, _SIMPLE_NAME), _VALIDATION),
    NameRule(
        lambda_svc,
        "_create_alias",
        "Name",
        Constraint(128, "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"),
        _VALIDATION,
    ),
    # A name that is not an ARN has at most 64 characters.
    # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    NameRule(lambda_svc, "_create_function", "FunctionName", Constraint(64, _SIMPLE_NAME), _VALIDATION),
    NameRule(lambda_svc, "_publish_layer_version", "LayerName", Constraint(140, _SIMPLE_NAME), _VALIDATION),
    # https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
    NameRule(sns, "_create_topic", "Name", Constraint(256, r"[A-Za-z0-9-_]+(\.fifo)?"), _refuse_topic_name),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    NameRule(
        sqs, "_act_create_queue", "QueueName", Constraint(80, r"[A-Za-z0-9-_]+(\.fifo)?"), _refuse_queue_name
    ),
)

FIFO: Final = ".fifo"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
RESERVED_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def install_name_checks() -> None:
    """Install the checks."""
    for rule in RULES:
        _install_rule(rule)

    def build_bucket_check(original: Function) -> Function:
        def create_bucket(name: str, *arguments: object, **options: object) -> Response:
            if name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIXES):
                message = "The specified bucket is not valid."
                return cast("Response", s3._error("InvalidBucketName", message, 400, f"/{name}"))
            return cast("Response", original(name, *arguments, **options))

        return create_bucket

    replace_function(s3, "_create_bucket", build_bucket_check)
    replace_function(sns, "_create_topic", _build_topic_check)
    replace_function(sqs, "_act_create_queue", _build_queue_check)


def _build_topic_check(original: Function) -> Function:
    """Return `original` with a check that only the name of a FIFO topic ends with `.fifo`."""

    def create_topic(params: dict[str, Any]) -> Response:
        attributes = read_query_map(params, "Attributes.entry")
        if sns._p(params, "Name").endswith(FIFO) and attributes.get("FifoTopic") != "true":
            return _refuse_topic_name("", ())
        return cast("Response", original(params))

    return create_topic


def _build_queue_check(original: Function) -> Function:
    """Return `original` with a check that only the name of a FIFO queue ends with `.fifo`."""

    def create_queue(data: dict[str, Any], url: str) -> Response:
        attributes = data.get("Attributes") or {}
        if data.get("QueueName", "").endswith(FIFO) and attributes.get("FifoQueue") != "true":
            return _refuse_queue_name("", ())
        return cast("Response", original(data, url))

    return create_queue


def _install_rule(rule: NameRule) -> None:
    def wrap_with_name_check(original: Function) -> Function:
        def create(*arguments: Any, **options: Any) -> Response:  # noqa: ANN401 - those of the function
            for name in _read_names(rule.argument, arguments):
                if problem := rule.constraint.find_problem(name):
                    label = rule.argument[0].lower() + rule.argument[1:]
                    message = f"Value '{name}' at '{label}' failed to satisfy constraint: {problem}"
                    return rule.refuse(f"1 validation error detected: {message}", arguments)
            return cast("Response", original(*arguments, **options))

        return create

    replace_function(rule.module, rule.function, wrap_with_name_check)


def _read_names(argument: str, arguments: tuple[Any, ...]) -> list[str]:
    """Return all names that a call of an emulator's function gives to one argument of AWS's API.

    Args:
        argument: The name of the argument in AWS's API, such as `FunctionName`.
        arguments: The arguments of the emulator's function. One of them contains the names: a mapping, a
            mapping with `Targets`, or an XML body. For `LayerName`, the first one is the name itself.
    """
    if argument == "LayerName":
        return [str(arguments[0])]
    for given in arguments:
        if isinstance(given, dict) and argument in given:
            value = cast("dict[str, Any]", given)[argument]
            return [str(value[0] if isinstance(value, list) else value)]
        if isinstance(given, dict) and "Targets" in given:
            return [str(target[argument]) for target in cast("dict[str, Any]", given)["Targets"]]
        if isinstance(given, bytes):
            element = cloudfront._parse_body(given)
            return [] if element is None else [cloudfront._text(element, argument)]
    return []
