"""Lambda."""

from collections.abc import Iterator
from typing import Final

from policies.arguments.checks import (
    check_account_id,
    check_arn,
    check_not_empty,
    follows_model,
    has_item_count,
    has_keys,
    has_length,
    has_tags,
    is_between,
    is_in_enum,
    is_one_of,
    matches,
    passes_any,
)
from policies.arguments.relations import (
    Block,
    allow_at_most_one,
    define_relation,
    exclude_when_set,
    list_set_arguments,
    require_exactly_one,
    require_when,
    require_when_set,
)
from policies.arguments.resource_type import ResourceType
from policies.graph import UNKNOWN

# `validFunctionName` in internal/service/lambda/validate.go
_FUNCTION_NAME: Final = (
    matches(
        r"^(arn:[\w-]+:lambda:)?([a-z]{2}-(?:[a-z]+-){1,2}\d{1}:)?(\d{12}:)?(function:)?([0-9A-Za-z_-]+)"
        r"(:(\$LATEST|[0-9A-Za-z_-]+))?$"
    ),
    has_length(1, 140),
    matches(
        r"^(arn:[^:]+:lambda:[^:]+:\d{12}:function:|\d{12}:function:)?[0-9A-Za-z_-]{1,64}(:[0-9A-Za-z_$-]+)?$"
    ),
)
_LOG_GROUP: Final = (matches(r"^[0-9A-Za-z_./#-]+$"), has_length(1, 512))
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_VARIABLES_SIZE: Final = 4096
_CODE: Final = ("code", "imageUri", "s3Bucket")  # `filename` in the provider is `code` in Pulumi


@define_relation("variables", scope="environment")
def _check_variables(block: Block) -> Iterator[str]:
    """Check the total size of the variables. Variables whose values are not known yet do not count."""
    variables = block.get("variables")
    if isinstance(variables, dict):
        known = {name: value for name, value in variables.items() if isinstance(value, str)}
        size = sum(len(name.encode()) + len(value.encode()) for name, value in known.items())
        if size > _VARIABLES_SIZE:
            yield f"the variables have {size} bytes, the maximum is {_VARIABLES_SIZE}"


_OF_STREAMS: Final = (
    "bisectBatchOnFunctionError",
    "destinationConfig",
    "maximumRecordAgeInSeconds",
    "maximumRetryAttempts",
    "parallelizationFactor",
    "startingPosition",
)
_LARGEST_BATCH_WITHOUT_WINDOW: Final = 10


@define_relation(
    *_OF_STREAMS, "batchSize", "eventSourceArn", "maximumBatchingWindowInSeconds", "scalingConfig"
)
def _check_event_source(block: Block) -> Iterator[str]:
    """Check that the arguments of an event source mapping fit its source, a queue or a stream.

    The rules are in the description of lambda.CreateEventSourceMapping in AWS's models.
    """
    source, batch = block.get("eventSourceArn"), block.get("batchSize")
    if not isinstance(source, str):
        return
    is_queue, is_stream = source.startswith("arn:aws:sqs:"), source.startswith("arn:aws:dynamodb:")
    if is_queue and (wrong := list_set_arguments(block, _OF_STREAMS)):
        yield f"a queue excludes {', '.join(wrong)}"
    if is_stream and block.get("startingPosition") not in ("LATEST", "TRIM_HORIZON", UNKNOWN):
        yield "a stream requires the startingPosition LATEST or TRIM_HORIZON"
    if is_stream and list_set_arguments(block, ("scalingConfig",)):
        yield "a stream excludes scalingConfig"
    if not isinstance(batch, int | float) or batch <= _LARGEST_BATCH_WITHOUT_WINDOW:
        return
    if is_queue and source.endswith(".fifo"):
        yield f"the batchSize of a FIFO queue is {batch}, the maximum is {_LARGEST_BATCH_WITHOUT_WINDOW}"
    elif (is_queue or is_stream) and not block.get("maximumBatchingWindowInSeconds"):
        yield f"the batchSize {batch} requires maximumBatchingWindowInSeconds"


TYPES: Final = (
    ResourceType(
        type="aws:lambda/function:Function",
        source="lambda/function.go",
        arguments={
            "architectures": (has_item_count(0, 1),),
            "architectures[]": (is_in_enum("lambda.Architecture"),),
            "code": (),
            "environment.variables": (has_keys(follows_model("lambda.EnvironmentVariableName")),),
            "ephemeralStorage.size": (is_between(512, 10_240),),
            "handler": (has_length(1, 128), follows_model("lambda.Handler")),
            "layers": (has_item_count(0, 5),),
            "layers[]": (check_arn, follows_model("lambda.LayerVersionArn")),
            "loggingConfig.logFormat": (is_in_enum("lambda.LogFormat"),),
            "loggingConfig.logGroup": _LOG_GROUP,
            "loggingConfig.applicationLogLevel": (is_in_enum("lambda.ApplicationLogLevel"),),
            "loggingConfig.systemLogLevel": (is_in_enum("lambda.SystemLogLevel"),),
            "memorySize": (is_between(128, 10_240),),
            "name": _FUNCTION_NAME,
            "reservedConcurrentExecutions": (is_between(-1, float("inf")),),
            "role": (check_arn, follows_model("lambda.RoleArn")),
            "runtime": (is_in_enum("lambda.Runtime"),),
            "tags": has_tags("lambda.TagKey", "lambda.TagValue"),
            "timeout": (is_between(1, 900),),
            "tracingConfig.mode": (is_in_enum("lambda.TracingMode"),),
        },
        relations=(
            _check_variables,
            require_exactly_one(*_CODE),
            require_when_set("s3Bucket", "s3Key"),
            require_when_set("s3Key", "s3Bucket"),
            require_when_set("replacementSecurityGroupIds", "replaceSecurityGroupsOnDestroy"),
            exclude_when_set("s3ObjectVersion", "code", "imageUri"),
            allow_at_most_one("sourceKmsKeyArn", "imageUri"),
            # The provider's checkHandlerRuntimeForZipFunction. Without packageType, the type is Zip.
            require_when("packageType", None, "handler", "runtime"),
            require_when("packageType", "Zip", "handler", "runtime"),
        ),
    ),
    ResourceType(
        type="aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
        source="lambda/function_recursion_config.go",
        arguments={
            "functionName": (follows_model("lambda.UnqualifiedFunctionName"),),
            "recursiveLoop": (is_in_enum("lambda.RecursiveLoop"),),
        },
        name=None,
    ),
    ResourceType(
        type="aws:lambda/alias:Alias",
        source="lambda/alias.go",
        arguments={
            "functionName": (follows_model("lambda.FunctionName"),),
            "functionVersion": (follows_model("lambda.VersionWithLatestPublished"),),
            "name": (follows_model("lambda.Alias"),),
        },
    ),
    ResourceType(
        type="aws:lambda/layerVersion:LayerVersion",
        source="lambda/layer_version.go",
        arguments={
            "code": (),
            "compatibleArchitectures": (
                has_item_count(0, 2),
                follows_model("lambda.CompatibleArchitectures"),
            ),
            "compatibleArchitectures[]": (is_in_enum("lambda.Architecture"),),
            "compatibleRuntimes": (has_item_count(0, 15),),
            "compatibleRuntimes[]": (is_in_enum("lambda.Runtime"),),
            "layerName": (follows_model("lambda.LayerName"),),
        },
        relations=(
            allow_at_most_one("code", "s3Bucket"),
            allow_at_most_one("code", "s3Key"),
            allow_at_most_one("code", "s3ObjectVersion"),
            require_exactly_one("code", "s3Bucket"),
        ),
        name="layerName",
    ),
    ResourceType(
        type="aws:lambda/permission:Permission",
        source="lambda/permission.go",
        arguments={
            "action": (matches(r"^(lambda:[*]|lambda:[A-Za-z]+|[*])$"), follows_model("lambda.Action")),
            "function": _FUNCTION_NAME,
            "principal": (follows_model("lambda.Principal"),),
            "sourceAccount": (check_account_id,),
            "sourceArn": (check_arn, follows_model("lambda.Arn")),
            "statementId": (matches(r"^[0-9A-Za-z_-]+$"), has_length(1, 100)),
        },
        relations=(allow_at_most_one("statementId", "statementIdPrefix"),),
        name=None,
    ),
    ResourceType(
        type="aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        source="lambda/function_event_invoke_config.go",
        arguments={
            "destinationConfig.onFailure.destination": (check_arn, follows_model("lambda.DestinationArn")),
            "functionName": (check_not_empty, follows_model("lambda.NamespacedFunctionName")),
            "maximumEventAgeInSeconds": (is_between(60, 21_600),),
            "maximumRetryAttempts": (is_between(0, 2),),
        },
        name=None,
    ),
    ResourceType(
        type="aws:lambda/eventSourceMapping:EventSourceMapping",
        source="lambda/event_source_mapping.go",
        arguments={
            "batchSize": (follows_model("lambda.BatchSize"),),
            "bisectBatchOnFunctionError": (),
            "destinationConfig.onFailure.destinationArn": (check_arn, follows_model("lambda.DestinationArn")),
            "eventSourceArn": (follows_model("lambda.Arn"),),
            "functionName": (follows_model("lambda.NamespacedFunctionName"),),
            "functionResponseTypes": (follows_model("lambda.FunctionResponseTypeList"),),
            "functionResponseTypes[]": (is_in_enum("lambda.FunctionResponseType"),),
            "maximumBatchingWindowInSeconds": (follows_model("lambda.MaximumBatchingWindowInSeconds"),),
            "maximumRecordAgeInSeconds": (passes_any(is_one_of(-1), is_between(60, 604_800)),),
            "maximumRetryAttempts": (is_between(-1, 10_000),),
            "parallelizationFactor": (is_between(1, 10),),
            "scalingConfig.maximumConcurrency": (
                is_between(2, float("inf")),
                follows_model("lambda.MaximumConcurrency"),
            ),
            "startingPosition": (is_in_enum("lambda.EventSourcePosition"),),
            "tags": has_tags("lambda.TagKey", "lambda.TagValue"),
        },
        relations=(require_exactly_one("eventSourceArn", "selfManagedEventSource"), _check_event_source),
        name=None,
    ),
)
