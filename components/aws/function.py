"""Lambda functions. Each function has its own role, its own log group and only the granted permissions."""

import json
from collections.abc import Mapping
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.queue import MIN_RECEIVES_FOR_LAMBDA, VISIBILITY_TIMEOUT_FACTOR, DeadLetterQueue, Queue
from components.aws.schedule import create_schedule_rule
from components.core.component import Part
from components.core.errors import DeclarationError
from components.core.grants import Grant, build_policy_document, build_trust_policy
from components.core.outputs import JoinedText
from components.core.scope import ResourceScope
from runtime.shared.environment import (
    LAMBDA_NAME,
    MAX_ENVIRONMENT_BYTES,
    TIMEOUT_VARIABLE,
    is_reserved_name,
)
from runtime.shared.placeholder_code import PLACEHOLDER_CODE

_LONGEST_NAME: Final = 64
_LONGEST_TIMEOUT: Final = 900
_NODE_RUNTIME: Final = "nodejs22.x"
_HOUR: Final = 3600
# Lambda retries a failed asynchronous call at most twice, and only while the event is younger than the
# maximum age (in seconds). Then Lambda sends the event to the dead-letter queue.
_ASYNC_RETRIES: Final = 2
_ASYNC_MAX_AGE: Final = 6 * _HOUR
# X-Ray supports no resource-level permissions.
_TRACE: Final = Grant(actions=("xray:PutTelemetryRecords", "xray:PutTraceSegments"), resources=("*",))
# Lambda counts the calls in a chain that contains only SQS, SNS, S3 and Lambda itself. See "Use Lambda
# recursive loop detection to prevent infinite loops" in the Lambda Developer Guide. SQS is not in this set,
# because SQS needs no permission to call a function. `Function.consume` handles queues.
_SERVICES_WITH_RECURSION_DETECTION: Final = frozenset({"s3.amazonaws.com", "sns.amazonaws.com"})
_CONCURRENT_BATCHES: Final = range(2, 1001)  # allowed values of `max_concurrency`
_MAX_BATCH_SIZE: Final = 10_000
_MAX_RETRIES: Final = 10_000
_MIN_RECORD_AGE: Final = 60
_MAX_RECORD_AGE: Final = 604_800
# Seconds. Lambda discards a scheduled call that it could not start in this time, because the next scheduled
# call replaces it.
_SCHEDULED_MAX_AGE: Final = 60


@attrs.frozen(kw_only=True)
class FunctionArgs:
    """Arguments that all functions have.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        handler: Handler, `module.function`.
        timeout: Timeout in seconds, 1 to 900.
        memory: Memory in MB. CPU power grows with it: 1,769 MB equal one core.
        storage: Size of `/tmp` in MB.
        grants: Permissions in addition to writing the function's own log.
        concurrency: Reserved concurrency, of all versions together: the function always has it, and never
            more. It is only used if the scope reserves concurrency. None for no reservation.

    Raises:
        DeclarationError: The timeout is outside Lambda's limits.
    """

    scope: ResourceScope
    handler: str
    timeout: int
    memory: int
    storage: int = 512
    grants: tuple[Grant, ...] = ()
    concurrency: int | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 < self.timeout <= _LONGEST_TIMEOUT:
            raise DeclarationError(
                f"{self.handler} has a timeout of {self.timeout} s; Lambda allows 1 to {_LONGEST_TIMEOUT}"
            )


@attrs.frozen(kw_only=True)
class PythonFunctionArgs(FunctionArgs):
    """Arguments of `PythonFunction`. Pulumi deploys the code of the function.

    Attributes:
        code: Archive that contains the handler.
        environment: Environment variables. The variable with the function's timeout is added to them.
        layers: ARNs of the layers with the function's dependencies.

    Raises:
        DeclarationError: Lambda refuses the timeout, or the name of a variable. Or the variables that are
            known before the deployment are larger than Lambda allows.
    """

    code: pulumi.Archive
    environment: Mapping[str, pulumi.Input[str]]
    layers: tuple[pulumi.Input[str], ...] = ()

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        for name in self.environment:
            if not LAMBDA_NAME.fullmatch(name):
                raise DeclarationError(
                    f"{self.handler} has a variable {name!r}; Lambda allows names of at least two letters, "
                    "digits and underscores that start with a letter"
                )
            if is_reserved_name(name):
                raise DeclarationError(f"{self.handler} has a variable {name!r}, which Lambda itself sets")
        variables = {**self.environment, TIMEOUT_VARIABLE: str(self.timeout)}
        known = {name: value if isinstance(value, str) else "" for name, value in variables.items()}
        size = len(json.dumps(known, separators=(",", ":"), ensure_ascii=False).encode())
        if size > MAX_ENVIRONMENT_BYTES:
            raise DeclarationError(
                f"the variables of {self.handler} have {size} bytes; Lambda allows {MAX_ENVIRONMENT_BYTES}"
            )


@attrs.frozen(kw_only=True)
class _Package:
    """The arguments that differ between Python and Node.js functions."""

    runtime: str
    code: pulumi.Archive
    environment: Mapping[str, pulumi.Input[str]] | None = None
    layers: tuple[pulumi.Input[str], ...] = ()
    tracing: bool = False
    ignored_changes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class StreamBatchSettings:
    """How Lambda reads a stream for a function.

    Lambda splits a failed batch until it finds the failing change. If the retries also fail, or the change is
    too old, Lambda sends the change's stream position to the dead-letter queue. Later changes are then not
    blocked.

    Attributes:
        batch_size: Changes in one call, 1 to 10,000.
        retries: Number of retries of a change, 0 to 10,000.
        max_age: Age of a change, in seconds, after which Lambda does not retry it: 60 to 604,800. DynamoDB
            deletes changes from the stream after one day.

    Raises:
        DeclarationError: A value is outside Lambda's limits.
    """

    batch_size: int = 100
    retries: int = 3
    max_age: int = 6 * _HOUR

    def __attrs_post_init__(self) -> None:
        for name, number, low, high in (
            ("batch_size", self.batch_size, 1, _MAX_BATCH_SIZE),
            ("retries", self.retries, 0, _MAX_RETRIES),
            ("max_age", self.max_age, _MIN_RECORD_AGE, _MAX_RECORD_AGE),
        ):
            if not low <= number <= high:
                raise DeclarationError(f"{name} is {number}; Lambda allows {low} to {high}")


class Function(Part):
    """A Lambda function with its role, its policy and its log group. Use `PythonFunction` or `NodeFunction`.

    Attributes:
        name: Name without the scope's prefix.
        function_name: Name of the function and of its role.
        arn: Function ARN.
        invoke_arn: ARN with which API Gateway calls the function.
        log_group_name: Name of the function's log group.
        timeout: Timeout in seconds.
        has_recursion_detection: Whether SQS, SNS or S3 calls the function. Lambda counts the calls of these
            services, to detect recursive loops.

    Raises:
        DeclarationError: The name is longer than Lambda and IAM allow.
    """

    def __init__(
        self, name: str, args: FunctionArgs, package: _Package, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        full_name = f"{args.scope.prefix}-{name}"
        if len(full_name) > _LONGEST_NAME:
            raise DeclarationError(
                f"function {full_name!r} has {len(full_name)} characters; Lambda allows {_LONGEST_NAME}"
            )
        super().__init__(args.scope, opts)
        log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/lambda/{full_name}",
            retention_in_days=args.scope.log_retention_days,
            opts=self.retained_child_opts,
        )
        role = aws.iam.Role(
            name,
            name=full_name,
            assume_role_policy=build_trust_policy("lambda.amazonaws.com"),
            opts=self.child_opts,
        )
        write_log = Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            # Lambda chooses the names of the log streams.
            resources=(JoinedText(log_group.arn, ":*"),),
        )
        trace = (_TRACE,) if package.tracing else ()
        policy = aws.iam.RolePolicy(
            name,
            name="grants",
            role=role.name,
            policy=build_policy_document((write_log, *trace, *args.grants)),
            opts=self.child_opts,
        )
        function = aws.lambda_.Function(
            name,
            name=full_name,
            role=role.arn,
            runtime=package.runtime,
            handler=args.handler,
            code=package.code,
            layers=list(package.layers) or None,
            architectures=[args.scope.architecture],
            timeout=args.timeout,
            memory_size=args.memory,
            reserved_concurrent_executions=args.concurrency if args.scope.reserves_concurrency else None,
            ephemeral_storage=aws.lambda_.FunctionEphemeralStorageArgs(size=args.storage),
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=package.environment)
            if package.environment
            else None,
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active") if package.tracing else None,
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="Text", log_group=log_group.name),
            opts=self._build_options(package, policy),
        )
        self.name = name
        self._function_name = full_name
        self._role_name = role.name
        self.timeout = args.timeout
        self.has_recursion_detection = False
        self.function_name = function.name
        self.arn = function.arn
        self.log_group_name = log_group.name
        self.invoke_arn = function.invoke_arn

    def consume(self, queue: Queue, *, max_concurrency: int, batch_size: int = 1) -> None:
        """Create the event source mapping that calls the function with batches of messages of a queue.

        SQS delivers a message again if the function reports the message as failed. The function must have
        been created with the grant `queue.grant_consume()`.

        Args:
            queue: Queue of the messages.
            max_concurrency: Number of batches that are processed at the same time, 2 to 1,000. While this
                number of batches is running, Lambda receives no further messages. Without this limit, Lambda
                would receive messages for which the account has no concurrency left.
            batch_size: Largest number of messages in a batch.

        Raises:
            DeclarationError: The queue's visibility timeout is too short: a message could be delivered again
                while the first call still runs. Or the queue permits too few receives, or `max_concurrency`
                is outside Lambda's limits.
        """
        minimum = VISIBILITY_TIMEOUT_FACTOR * self.timeout
        if queue.visibility_timeout < minimum:
            raise DeclarationError(
                f"{self._function_name} has a timeout of {self.timeout} s, but the visibility timeout of "
                f"its queue is {queue.visibility_timeout} s; use at least {minimum} s, "
                f"{VISIBILITY_TIMEOUT_FACTOR} times as long"
            )
        if queue.max_receive_count < MIN_RECEIVES_FOR_LAMBDA:
            raise DeclarationError(
                f"the queue of {self._function_name} permits {queue.max_receive_count} receives of a "
                f"message; use at least {MIN_RECEIVES_FOR_LAMBDA}, because a message that Lambda throttled "
                "counts as received"
            )
        if max_concurrency not in _CONCURRENT_BATCHES:
            raise DeclarationError(
                f"{self._function_name} has a max_concurrency of {max_concurrency}; Lambda allows "
                f"{_CONCURRENT_BATCHES.start} to {_CONCURRENT_BATCHES.stop - 1}"
            )
        aws.lambda_.EventSourceMapping(
            self.name,
            function_name=self._create_queue_target(),
            event_source_arn=queue.arn,
            batch_size=batch_size,
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=max_concurrency
            ),
            function_response_types=["ReportBatchItemFailures"],
            opts=self.child_opts,
        )
        self.has_recursion_detection = True

    def allow_recursion(self) -> None:
        """Let Lambda call the function any number of times in one chain of messages.

        A function that sends messages to its own queue needs this setting. By default, Lambda drops a message
        after about 16 calls in a chain (recursive loop detection).
        """
        aws.lambda_.FunctionRecursionConfig(
            self.name, function_name=self.function_name, recursive_loop="Allow", opts=self.child_opts
        )

    def consume_stream(
        self,
        name: str,
        stream_arn: pulumi.Input[str],
        settings: StreamBatchSettings,
        dead_letter_queue: DeadLetterQueue,
    ) -> None:
        """Create the event source mapping that calls the function with all changes of a table, oldest first.

        This method also grants the permissions. They cannot be arguments of the function, because the
        dead-letter queue is created after the function.

        Args:
            name: Name of the event source mapping and of the additional policy.
            stream_arn: Stream of a DynamoDB table.
            settings: Batch size and retries.
            dead_letter_queue: Receives the stream position of changes that failed, without their content.
        """
        read = Grant(
            actions=(
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            ),
            resources=(stream_arn,),
        )
        policy = aws.iam.RolePolicy(
            f"{self.name}-{name}",
            name=name,
            role=self._role_name,
            policy=build_policy_document((read, dead_letter_queue.grant_send())),
            opts=self.child_opts,
        )
        options = self.child_opts
        options.depends_on = [policy]
        aws.lambda_.EventSourceMapping(
            f"{self.name}-{name}",
            function_name=self.arn,
            event_source_arn=stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=settings.batch_size,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=settings.retries,
            maximum_record_age_in_seconds=settings.max_age,
            function_response_types=["ReportBatchItemFailures"],
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(
                    destination_arn=dead_letter_queue.arn
                )
            ),
            opts=options,
        )

    def send_failures_to(self, dead_letter_queue: DeadLetterQueue) -> None:
        """Send events of asynchronous calls to a dead-letter queue after three failed attempts.

        The function must have been created with the grant `dead_letter_queue.grant_send()`.
        """
        aws.lambda_.FunctionEventInvokeConfig(
            self.name,
            function_name=self.function_name,
            maximum_retry_attempts=_ASYNC_RETRIES,
            maximum_event_age_in_seconds=_ASYNC_MAX_AGE,
            destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(
                    destination=dead_letter_queue.arn
                )
            ),
            opts=self.child_opts,
        )

    def schedule(self, name: str, schedule: str) -> None:
        """Call the function on a schedule, such as `rate(1 minute)` (see `components/aws/schedule.py`).

        Lambda does not retry a failed call, because the next scheduled call replaces it. Do not combine this
        method with `send_failures_to`, because both methods configure the retries of asynchronous calls.

        Raises:
            DeclarationError: The name or the schedule is invalid.
        """
        resource, rule_name = f"{self.name}-{name}", f"{self._function_name}-{name}"
        rule = create_schedule_rule(
            resource, rule_name, schedule, f"Calls {self._function_name}", self.child_opts
        )
        target_opts = self.child_opts
        target_opts.depends_on = [
            self.allow_invoke(name, service="events.amazonaws.com", source_arn=rule.arn),
            aws.lambda_.FunctionEventInvokeConfig(
                resource,
                function_name=self.function_name,
                maximum_retry_attempts=0,
                maximum_event_age_in_seconds=_SCHEDULED_MAX_AGE,
                opts=self.child_opts,
            ),
        ]
        aws.cloudwatch.EventTarget(
            resource, target_id=self.name, rule=rule.name, arn=self.arn, opts=target_opts
        )

    def allow_invoke(
        self,
        name: str,
        *,
        service: str,
        source_arn: pulumi.Input[str],
        source_account: pulumi.Input[str] | None = None,
    ) -> aws.lambda_.Permission:
        """Allow one resource of an AWS service to call the function.

        Args:
            name: Statement id in the function's policy.
            service: Service principal.
            source_arn: ARN of the calling resource.
            source_account: Account of the calling resource. Necessary for a bucket, whose ARN contains no
                account: after the bucket is deleted, another account could create a bucket with its name.
        """
        self.has_recursion_detection |= service in _SERVICES_WITH_RECURSION_DETECTION
        return aws.lambda_.Permission(
            f"{self.name}-{name}",
            statement_id=name,
            function=self.function_name,
            action="lambda:InvokeFunction",
            principal=service,
            source_arn=source_arn,
            source_account=source_account,
            opts=self.child_opts,
        )

    def _create_queue_target(self) -> pulumi.Output[str]:
        """Return the ARN that Lambda calls with the messages of a queue."""
        return self.arn

    def _build_options(self, package: _Package, policy: aws.iam.RolePolicy) -> pulumi.ResourceOptions:
        """Return the options of the function resource.

        Pulumi creates the policy before the function. Without the policy, the first calls of the function
        would fail.
        """
        options = self.retained_child_opts if package.ignored_changes else self.child_opts
        options.depends_on = [policy]
        options.ignore_changes = list(package.ignored_changes)
        # After a release, the environment contains secrets. `pulumi refresh` reads the environment into the
        # state, so Pulumi must encrypt it there.
        options.additional_secret_outputs = ["environment"] if package.ignored_changes else None
        return options


class PythonFunction(Function):
    """A function of the platform or of the image service, in Python."""

    def __init__(
        self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        package = _Package(
            runtime=args.scope.python_runtime,
            code=args.code,
            # `runtime/shared/aws.py` derives the timeout of AWS calls from the function's timeout.
            environment={**args.environment, TIMEOUT_VARIABLE: str(args.timeout)},
            layers=args.layers,
            tracing=True,
        )
        super().__init__(name, args, package, opts)


class NodeFunction(Function):
    """A function of a site. Pulumi creates the function with placeholder code. Releases replace the code.

    The function is retained like data, because its versions are the site's releases.
    """

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        module = args.handler.split(".")[0]
        package = _Package(
            runtime=_NODE_RUNTIME,
            code=pulumi.AssetArchive({f"{module}.mjs": pulumi.StringAsset(PLACEHOLDER_CODE)}),
            # Every release sets these properties, so `pulumi up` must not reset them.
            ignored_changes=("code", "environment", "layers"),
        )
        super().__init__(name, args, package, opts)

    def _create_queue_target(self) -> pulumi.Output[str]:
        """Create the `live` alias and return its ARN, so that the live version processes the messages."""
        options = self.retained_child_opts
        # The release and promote functions change the version of the alias, so `pulumi up` must not reset it.
        options.ignore_changes = ["function_version"]
        return aws.lambda_.Alias(
            self.name,
            name="live",
            function_name=self.function_name,
            function_version="$LATEST",
            opts=options,
        ).arn
