"""Lambda functions, each with a role and a log group of its own and exactly the rights it was granted."""

from collections.abc import Mapping
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.queue import VISIBILITY_PER_TIMEOUT, DeadLetterQueue, Queue
from components.aws.schedule import schedule_rule
from components.core.component import Part
from components.core.errors import DeclarationError
from components.core.grants import Grant, policy_document, trust_policy
from components.core.outputs import Joined
from components.core.stage import StageConfig
from runtime.shared.environment import TIMEOUT_VARIABLE

_LONGEST_NAME: Final = 64
_LONGEST_TIMEOUT: Final = 900
_NODE_RUNTIME: Final = "nodejs22.x"
_HOUR: Final = 3600
# Of an asynchronous call: Lambda keeps trying this often and this long, then gives the event up.
_ASYNC_RETRIES: Final = 2
_ASYNC_AGE: Final = 6 * _HOUR
# X-Ray has no resources that a policy could name.
_TRACE: Final = Grant(actions=("xray:PutTelemetryRecords", "xray:PutTraceSegments"), resources=("*",))
_LARGEST_BATCH: Final = 10_000
_MOST_RETRIES: Final = 10_000
_YOUNGEST_AGE: Final = 60
_OLDEST_AGE: Final = 604_800
# What a clock called for and nobody took within a minute is not made up for: the next call comes by itself.
_SCHEDULED_AGE: Final = 60
# What a site's function runs until the first release; nothing leads to it, unless someone calls it by hand.
_NOT_RELEASED: Final = """\
export const handler = async () => {
  throw new Error("nothing was released to this function yet");
};
"""


@attrs.frozen(kw_only=True)
class FunctionArgs:
    """What every function has.

    Attributes:
        stage: The stage it belongs to.
        handler: What Lambda calls, `module.function`.
        timeout: Seconds after which a call is ended.
        memory: MB. CPU grows with it: 1,769 MB are one core.
        storage: MB of `/tmp`.
        grants: All that the function may do beyond writing its own log.

    Raises:
        DeclarationError: Lambda would refuse the function.
    """

    stage: StageConfig
    handler: str
    timeout: int
    memory: int
    storage: int = 512
    grants: tuple[Grant, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not 0 < self.timeout <= _LONGEST_TIMEOUT:
            raise DeclarationError(
                f"{self.handler} with a timeout of {self.timeout} s; Lambda allows 1 to {_LONGEST_TIMEOUT}"
            )


@attrs.frozen(kw_only=True)
class PythonFunctionArgs(FunctionArgs):
    """A function of the platform: its code is deployed by Pulumi.

    Attributes:
        code: The archive with the handler.
        environment: Environment variables, beyond the one that says how long it may run.
        layers: ARNs of the layers with its dependencies.
    """

    code: pulumi.Archive
    environment: Mapping[str, pulumi.Input[str]]
    layers: tuple[pulumi.Input[str], ...] = ()


@attrs.frozen(kw_only=True)
class _Package:
    """What runs in a function, which is where the kinds of functions differ."""

    runtime: str
    code: pulumi.Archive
    environment: Mapping[str, pulumi.Input[str]] | None = None
    layers: tuple[pulumi.Input[str], ...] = ()
    traced: bool = False
    moves_at_run_time: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class StreamReading:
    """How a function takes changes from a stream.

    A batch that fails is halved until the change is found that is to blame; that one is given up after some
    tries and put among the dead letters, so that one bad row does not stop all that come after it.

    Attributes:
        batch: Changes in one call, 1 to 10,000.
        retries: How often a change is tried again.
        age: Seconds after which a change is given up, at least a minute. A table keeps its changes for a day.

    Raises:
        DeclarationError: Lambda would refuse it.
    """

    batch: int = 100
    retries: int = 3
    age: int = 6 * _HOUR

    def __attrs_post_init__(self) -> None:
        for what, number, low, high in (
            ("a batch of", self.batch, 1, _LARGEST_BATCH),
            ("retries:", self.retries, 0, _MOST_RETRIES),
            ("an age in seconds of", self.age, _YOUNGEST_AGE, _OLDEST_AGE),
        ):
            if not low <= number <= high:
                raise DeclarationError(f"{what} {number}; Lambda reads streams with {low} to {high}")


class Function(Part):
    """A Lambda function with its role, its policy and its log group; make a PythonFunction or a NodeFunction.

    Attributes:
        name: What it is called after the stage's prefix.
        function_name: The function's name, which is also that of its role.
        arn: The function's ARN.
        log_group_name: The name of its log group.
        timeout: Seconds, as in its arguments.

    Raises:
        DeclarationError: The name is longer than Lambda and IAM allow.
    """

    def __init__(
        self, name: str, args: FunctionArgs, package: _Package, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        full_name = f"{args.stage.prefix}-{name}"
        if len(full_name) > _LONGEST_NAME:
            raise DeclarationError(
                f"function {full_name!r} has {len(full_name)} characters; Lambda allows {_LONGEST_NAME}"
            )
        super().__init__(args.stage, opts)
        log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/lambda/{full_name}",
            retention_in_days=args.stage.log_retention_days,
            opts=self.kept,
        )
        role = aws.iam.Role(
            name, name=full_name, assume_role_policy=trust_policy("lambda.amazonaws.com"), opts=self.inside
        )
        write_log = Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            # The streams of the group are named by Lambda as it goes.
            resources=(Joined(log_group.arn, ":*"),),
        )
        trace = (_TRACE,) if package.traced else ()
        policy = aws.iam.RolePolicy(
            name,
            name="grants",
            role=role.name,
            policy=policy_document((write_log, *trace, *args.grants)),
            opts=self.inside,
        )
        function = aws.lambda_.Function(
            name,
            name=full_name,
            role=role.arn,
            runtime=package.runtime,
            handler=args.handler,
            code=package.code,
            layers=list(package.layers) or None,
            architectures=[args.stage.architecture],
            timeout=args.timeout,
            memory_size=args.memory,
            ephemeral_storage=aws.lambda_.FunctionEphemeralStorageArgs(size=args.storage),
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=package.environment)
            if package.environment
            else None,
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active") if package.traced else None,
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="Text", log_group=log_group.name),
            opts=self._options(package, policy),
        )
        self.name = name
        self._function_name = full_name
        self._role_name = role.name
        self.timeout = args.timeout
        self.function_name = function.name
        self.arn = function.arn
        self.log_group_name = log_group.name
        self.invoke_arn = function.invoke_arn

    def consume(self, queue: Queue, *, batch: int = 1) -> None:
        """Call the function with batches of the queue's messages; those it names as failed come again.

        The function needs `queue.grant_consume()` among its grants.

        Raises:
            DeclarationError: Messages would be delivered a second time while the first call still runs.
        """
        least = VISIBILITY_PER_TIMEOUT * self.timeout
        if queue.visibility < least:
            raise DeclarationError(
                f"{self._function_name} runs up to {self.timeout} s, but its queue shows messages again in "
                f"{queue.visibility} s; safe are {least} s and more, {VISIBILITY_PER_TIMEOUT} times as long"
            )
        aws.lambda_.EventSourceMapping(
            self.name,
            function_name=self._consumer(),
            event_source_arn=queue.arn,
            batch_size=batch,
            function_response_types=["ReportBatchItemFailures"],
            opts=self.inside,
        )

    def follow(
        self, name: str, stream_arn: pulumi.Input[str], reading: StreamReading, dead: DeadLetterQueue
    ) -> None:
        """Call the function with the changes of a stream, from the oldest that it still has.

        The rights for it are added here: the queue of what fails is made after the function.

        Args:
            name: Names the mapping, and the policy beside the function's own.
            stream_arn: The stream of a DynamoDB table.
            reading: How much at a time, and how often again.
            dead: Gets a note of where in the stream those are that failed for good, without their content.
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
            policy=policy_document((read, dead.grant_send())),
            opts=self.inside,
        )
        options = self.inside
        options.depends_on = [policy]
        aws.lambda_.EventSourceMapping(
            f"{self.name}-{name}",
            function_name=self.arn,
            event_source_arn=stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=reading.batch,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=reading.retries,
            maximum_record_age_in_seconds=reading.age,
            function_response_types=["ReportBatchItemFailures"],
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(
                    destination_arn=dead.arn
                )
            ),
            opts=options,
        )

    def keep_failures(self, dead: DeadLetterQueue) -> None:
        """Put events of asynchronous calls among the dead letters that failed at the first try and two more.

        The function needs `dead.grant_send()` among its grants.
        """
        aws.lambda_.FunctionEventInvokeConfig(
            self.name,
            function_name=self.function_name,
            maximum_retry_attempts=_ASYNC_RETRIES,
            maximum_event_age_in_seconds=_ASYNC_AGE,
            destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(
                    destination=dead.arn
                )
            ),
            opts=self.inside,
        )

    def schedule(self, name: str, every: str) -> None:
        """Call the function by the clock (`components/aws/schedule.py` says how `every` is written).

        A call that fails is not repeated, since the next one follows anyway: what is called this way finds
        out by itself what there is to do. So it cannot also `keep_failures`.

        Raises:
            DeclarationError: EventBridge would refuse the rule.
        """
        resource, rule_name = f"{self.name}-{name}", f"{self._function_name}-{name}"
        rule = schedule_rule(resource, rule_name, every, f"Calls {self._function_name}", self.inside)
        calls = self.inside
        calls.depends_on = [
            self.allow_invoke(name, service="events.amazonaws.com", source_arn=rule.arn),
            aws.lambda_.FunctionEventInvokeConfig(
                resource,
                function_name=self.function_name,
                maximum_retry_attempts=0,
                maximum_event_age_in_seconds=_SCHEDULED_AGE,
                opts=self.inside,
            ),
        ]
        aws.cloudwatch.EventTarget(resource, target_id=self.name, rule=rule.name, arn=self.arn, opts=calls)

    def allow_invoke(
        self,
        name: str,
        *,
        service: str,
        source_arn: pulumi.Input[str],
        source_account: pulumi.Input[str] | None = None,
    ) -> aws.lambda_.Permission:
        """Let one resource of an AWS service call the function.

        Args:
            name: Names the statement in the function's policy.
            service: The service's principal.
            source_arn: The resource in whose name the service calls.
            source_account: Whose resource it is, where the ARN does not say so: the name of a bucket that was
                deleted can be taken by another account.
        """
        return aws.lambda_.Permission(
            f"{self.name}-{name}",
            statement_id=name,
            function=self.function_name,
            action="lambda:InvokeFunction",
            principal=service,
            source_arn=source_arn,
            source_account=source_account,
            opts=self.inside,
        )

    def _consumer(self) -> pulumi.Output[str]:
        """The ARN by which queues call the function."""
        return self.arn

    def _options(self, package: _Package, policy: aws.iam.RolePolicy) -> pulumi.ResourceOptions:
        """Without its policy a function would fail its first calls, and no queue could be mapped to it."""
        options = self.kept if package.moves_at_run_time else self.inside
        options.depends_on = [policy]
        options.ignore_changes = list(package.moves_at_run_time)
        return options


class PythonFunction(Function):
    """A function of the platform."""

    def __init__(
        self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        package = _Package(
            runtime=args.stage.python_runtime,
            code=args.code,
            # How long a call of AWS may take follows from how long the function may (runtime/shared/aws.py).
            environment={**args.environment, TIMEOUT_VARIABLE: str(args.timeout)},
            layers=args.layers,
            traced=True,
        )
        super().__init__(name, args, package, opts)


class NodeFunction(Function):
    """A function of a site. Pulumi makes it empty; what it runs is released into it.

    Production keeps it: the versions below it are the site's releases.
    """

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        module = args.handler.split(".")[0]
        package = _Package(
            runtime=_NODE_RUNTIME,
            code=pulumi.AssetArchive({f"{module}.mjs": pulumi.StringAsset(_NOT_RELEASED)}),
            # The platform's release function sets these with every release; `pulumi up` must not put them
            # back (G8).
            moves_at_run_time=("code", "environment", "layers"),
        )
        super().__init__(name, args, package, opts)

    def _consumer(self) -> pulumi.Output[str]:
        """The alias of the version in production: the queue's messages are that release's."""
        options = self.kept
        # The platform's release and promote functions move it (G8).
        options.ignore_changes = ["function_version"]
        return aws.lambda_.Alias(
            self.name,
            name="live",
            function_name=self.function_name,
            function_version="$LATEST",
            opts=options,
        ).arn
