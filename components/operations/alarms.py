"""Alarms of a stage. The description of each alarm says what happened and what to do.

The number of alarms does not depend on the number of sites. No alarm monitors the functions of a single site;
the dashboard shows their errors (`components/operations/dashboard.py`).
"""

from collections.abc import Mapping
from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.api import HttpApi
from components.aws.function import Function
from components.aws.queue import DeadLetterQueue, Queue
from components.core.component import Part
from components.core.errors import DeclarationError
from components.core.limits.edge_budget import ALARM_PERCENT, STORE_BYTES
from components.core.scope import CLOUDFRONT_REGION, ResourceScope
from components.operations.alerts import Alerts
from runtime.deploy.builds.build_event import BUILD_ENDED, BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.model import EDGE_STORE_MEASURED, Status
from runtime.deploy.releases.upload_failures import CONNECTIONS, PRESIGNED_UPLOADS_FAILED

BUILDS_ENDED: Final = "BuildsEnded"
BUILDS_FAILED: Final = "BuildsFailed"
LONGEST_WAIT: Final = "LongestWait"
CODEBUILD_FULL_COUNT: Final = "CodeBuildFull"
EDGE_STORE_BYTES: Final = "EdgeStoreBytes"
PRESIGNED_UPLOAD_FAILURES: Final = "PresignedUploadFailures"
EDGE_ERROR_PERCENT: Final = 5
_LONGEST_DESCRIPTION: Final = 1024
_MINUTE: Final = 60
_LONG_WAIT: Final = 30 * _MINUTE
_QUEUED_BY_CODEBUILD: Final = 60  # seconds; shorter waits are normal
_RUNBOOK: Final = "Runbook: docs/operations.md"


@attrs.frozen(kw_only=True)
class MonitoredResources:
    """Resources of the platform that have alarms and dashboard graphs. Sites are not included.

    Attributes:
        functions: Functions by name. Metrics are read from the logs of `build-events`, `collect`,
            `orchestrator`, `release` and `sweep`, so these must be included.
        queues: Queues by name. Their dead-letter queues are monitored, too.
        dead_letter_queues: Queues of failed asynchronous calls, by name. The alarm has this name, followed by
            `-dead`.
        apis: HTTP APIs by name.
        distributions: Distribution ids by name.
    """

    functions: Mapping[str, Function]
    queues: Mapping[str, Queue]
    dead_letter_queues: Mapping[str, DeadLetterQueue]
    apis: Mapping[str, HttpApi]
    distributions: Mapping[str, pulumi.Input[str]]


@attrs.frozen(kw_only=True)
class AlarmsArgs:
    """Arguments of `Alarms`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        metric_namespace: CloudWatch namespace of the metrics that are read from logs.
        alerts: Topics of the alarms.
        monitored: Resources that get alarms.
    """

    scope: ResourceScope
    metric_namespace: str
    alerts: Alerts
    monitored: MonitoredResources


@attrs.frozen(kw_only=True)
class _Metric:
    """A metric and its statistic.

    Attributes:
        period: Seconds of one data point.
    """

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str = "Sum"
    period: int = 5 * _MINUTE


class Alarms(Part):
    """All alarms of a stage.

    Attributes:
        arns: ARNs of the alarms in the scope's region, by name.
        builds_namespace: Namespace of the metrics that are read from logs: `BuildsEnded`, `BuildsFailed`,
            `LongestWait`, `CodeBuildFull`, `PresignedUploadFailures` and `EdgeStoreBytes`.
    """

    def __init__(self, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.scope, opts)
        self._alerts = args.alerts
        self.arns: dict[str, pulumi.Output[str]] = {}
        self.builds_namespace = args.metric_namespace
        monitored = args.monitored
        for queue_name, queue in monitored.queues.items():
            self._add_dead_letter_alarm(
                queue_name,
                queue.dead_letter_queue,
                "Read the ERROR lines of the function that consumes the queue and remove the cause. Then "
                "open the dead-letter queue in the SQS console and choose 'Start DLQ redrive'.",
            )
        for queue_name, queue in monitored.dead_letter_queues.items():
            # Lambda sent the messages of these queues. SQS can redrive only messages that came from another
            # queue. So the alarm cannot tell the operator to start a redrive, as the alarms above do.
            self._add_dead_letter_alarm(
                queue_name,
                queue,
                "The field requestContext of a message names the function. Read the ERROR lines of that "
                "function and remove the cause. Then call it with the message's requestPayload (a message "
                "about a table's changes has the stream position instead) and delete the message: SQS "
                "cannot move messages back that Lambda sent.",
            )
        for function_name, function in monitored.functions.items():
            self._add_function_alarms(function_name, function)
        for api_name, api in monitored.apis.items():
            self._add_api_alarm(api_name, api)
        for distribution_name, distribution in monitored.distributions.items():
            self._add_distribution_alarm(distribution_name, distribution)
        self._add_build_alarm(monitored.functions["build-events"])
        self._add_waiting_alarms(monitored.functions)
        self._add_upload_alarm(monitored.functions["release"])
        self._add_edge_store_alarm(monitored.functions)

    def _add_dead_letter_alarm(self, name: str, queue: DeadLetterQueue, remedy: str) -> None:
        self._add_alarm(
            f"{name}-dead",
            f"Messages of {name} failed and are kept in the dead-letter queue for 14 days. {remedy} "
            f"{_RUNBOOK}#dead-letters",
            _Metric(
                namespace="AWS/SQS",
                name="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": queue.queue_name},
                statistic="Maximum",
                period=_MINUTE,
            ),
            # SQS stops reporting this metric about six hours after the last use of a queue. No function reads
            # a dead-letter queue, so the reports end while the queue still has messages. The alarm must stay
            # active until the messages are gone.
            missing_data="ignore",
        )

    def _add_function_alarms(self, name: str, function: Function) -> None:
        dimensions = {"FunctionName": function.function_name}
        self._add_alarm(
            f"{name}-errors",
            f"The function {name} crashed or timed out. Errors of users do not cause this alarm: it is a "
            "bug, or an outage of a service that the function calls. Search its log group for ERROR lines "
            "and for 'Task timed out'. If the platform was deployed shortly before, roll it back. "
            f"{_RUNBOOK}#function-errors",
            _Metric(namespace="AWS/Lambda", name="Errors", dimensions=dimensions),
        )
        self._add_alarm(
            f"{name}-throttles",
            f"Lambda throttled calls of {name}: it reached its reserved concurrency, or, without one, the "
            "account has no concurrency left in this region. Messages in queues are retried. A throttled "
            "webhook must be redelivered by hand, in the repository's settings at GitHub. Find the cause of "
            f"the calls, and request a higher quota from AWS if they are normal. {_RUNBOOK}#throttles",
            _Metric(namespace="AWS/Lambda", name="Throttles", dimensions=dimensions),
        )
        if function.has_recursion_detection:
            self._add_alarm(
                f"{name}-recursion",
                f"Lambda dropped a call of {name}, because it was part of a chain of about 16 calls "
                "(recursive loop detection). The message goes to the dead-letter queue. A function that "
                "sends messages to its own queue must allow such chains: check with 'aws lambda "
                "get-function-recursion-config'. If the answer is Allow, or the function sends no "
                f"messages, the function has a bug that repeats messages. {_RUNBOOK}#recursive-loops",
                _Metric(namespace="AWS/Lambda", name="RecursiveInvocationsDropped", dimensions=dimensions),
            )

    def _add_api_alarm(self, name: str, api: HttpApi) -> None:
        self._add_alarm(
            f"{name}-api-5xx",
            f"The {name} API answered at least five requests in five minutes with 5xx. Its access log names "
            "the routes; the log of the route's function has the cause. 503 and 504 without an error in "
            f"that log mean that the function was throttled or too slow. {_RUNBOOK}#api-5xx",
            _Metric(namespace="AWS/ApiGateway", name="5xx", dimensions={"ApiId": api.api_id}),
            at_least=5,
        )

    def _add_distribution_alarm(self, name: str, distribution: pulumi.Input[str]) -> None:
        def build_metric(metric_name: str, statistic: str) -> _Metric:
            return _Metric(
                namespace="AWS/CloudFront",
                name=metric_name,
                dimensions={"DistributionId": distribution, "Region": "Global"},
                statistic=statistic,
            )

        self._add_ratio_alarm(
            f"{name}-5xx",
            f"More than {EDGE_ERROR_PERCENT} % of the responses of the distribution {name} were 5xx, for 15 "
            "minutes. If the dashboard shows errors of only one site, the code of that site fails: inform "
            "its owner, or promote an older deployment. If it shows many sites, check Lambda's throttles "
            f"and AWS Health for CloudFront, Lambda and S3. {_RUNBOOK}#edge-5xx",
            # Ignore periods with few requests, because a single failure would be a large share of them.
            expression="IF(requests > 100, share, 0)",
            metrics={
                "requests": build_metric("Requests", "Sum"),
                "share": build_metric("5xxErrorRate", "Average"),
            },
            above=EDGE_ERROR_PERCENT,
            periods=3,
            region=CLOUDFRONT_REGION,
            topic=self._alerts.cloudfront_topic_arn,
        )

    def _add_build_alarm(self, build_events: Function) -> None:
        """Count the ends of builds in the log of `build-events`, and create an alarm on too many failures.

        CodeBuild's own metrics do not fit: they cover one project, or the whole account with all stages.
        """
        patterns = {
            BUILDS_ENDED: f'{{ $.message = "{BUILD_ENDED}" }}',
            BUILDS_FAILED: f'{{ $.message = "{BUILD_ENDED}" && $.status = "{Status.FAILED.value}" }}',
        }
        for metric_name, pattern in patterns.items():
            self._add_metric_filter(metric_name, build_events, pattern)

        def build_metric(name: str) -> _Metric:
            return _Metric(namespace=self.builds_namespace, name=name, dimensions={}, period=60 * _MINUTE)

        self._add_ratio_alarm(
            "builds-failed",
            "At least five builds failed within an hour, and more than half of all builds. Broken code of "
            "one site does not cause this: check the npm registry, GitHub, CodeBuild (AWS Health) and "
            "changes of the buildspec. Compare the steps and reasons in the log of the function "
            "build-events ('build ended'), then start the failed deployments again. "
            f"{_RUNBOOK}#builds-failed",
            expression="IF(failed >= 5, 100 * failed / ended, 0)",
            metrics={"failed": build_metric(BUILDS_FAILED), "ended": build_metric(BUILDS_ENDED)},
            above=50,
            periods=1,
            topic=self._alerts.topic_arn,
        )

    def _add_waiting_alarms(self, functions: Mapping[str, Function]) -> None:
        """Create metrics and alarms for builds that wait, and for builds that CodeBuild refuses or queues."""
        self._add_metric_filter(
            LONGEST_WAIT,
            functions["sweep"],
            f'{{ $.message = "{BUILDS_WAIT}" }}',
            value="$.seconds",
            unit="Seconds",
        )
        refused = f'{{ $.message = "{CODEBUILD_FULL}" }}'
        self._add_metric_filter(CODEBUILD_FULL_COUNT, functions["orchestrator"], refused)
        self._add_metric_filter(
            LONGEST_WAIT,
            functions["orchestrator"],
            refused,
            name="LongestWaitRefused",
            value="$.seconds",
            unit="Seconds",
        )
        self._add_metric_filter(
            CODEBUILD_FULL_COUNT,
            functions["build-events"],
            f'{{ $.message = "{BUILD_ENDED}" && $.queued >= {_QUEUED_BY_CODEBUILD} }}',
            name="CodeBuildQueued",
        )
        self._add_alarm(
            "builds-waiting",
            f"A build has waited for {_LONG_WAIT // _MINUTE} minutes, which is the time limit of a build. "
            "Check the running and waiting builds. If the alarm codebuild-full is active, handle it first. "
            "If the running builds are normal, raise the setting concurrentBuilds and CodeBuild's quota. "
            f"{_RUNBOOK}#builds-waiting",
            # While a build waits, every period contains values of this metric. The sweep logs the waiting
            # time every five minutes. If CodeBuild refuses the build, the orchestrator logs the waiting time
            # every minute.
            _Metric(
                namespace=self.builds_namespace,
                name=LONGEST_WAIT,
                dimensions={},
                statistic="Maximum",
                period=15 * _MINUTE,
            ),
            at_least=_LONG_WAIT,
        )
        self._add_alarm(
            "codebuild-full",
            f"CodeBuild refused a build, or queued it for at least {_QUEUED_BY_CODEBUILD} seconds: the "
            "account's quota is lower than the setting concurrentBuilds, or the account runs other builds. "
            "No build is lost, but CodeBuild starts the builds that it queues in any order. Raise the quota "
            f"or lower the setting. {_RUNBOOK}#codebuild-full",
            _Metric(namespace=self.builds_namespace, name=CODEBUILD_FULL_COUNT, dimensions={}),
        )

    def _add_upload_alarm(self, release: Function) -> None:
        """Create the metric and the alarm for releases with failed uploads to presigned URLs.

        Each connection can break once, and one upload then fails. So the metric ignores a release with at
        most `CONNECTIONS` failed uploads, unless S3 denied one of these uploads (status 403).
        """
        lasting = f"($.denied > 0) || ($.failed > {CONNECTIONS})"
        self._add_metric_filter(
            PRESIGNED_UPLOAD_FAILURES,
            release,
            f'{{ ($.message = "{PRESIGNED_UPLOADS_FAILED}") && ({lasting}) }}',
        )
        self._add_alarm(
            "presigned-uploads",
            "S3 refused uploads of a release to presigned URLs. The function release uploaded these files "
            "again with PutObject. No file is missing, but a large site may exceed the function's timeout. "
            f"Read the lines '{PRESIGNED_UPLOADS_FAILED}' in its log. Status 403 means that the signature, a "
            "signed header or the permission of the role is wrong. "
            f"{_RUNBOOK}#presigned-uploads",
            _Metric(namespace=self.builds_namespace, name=PRESIGNED_UPLOAD_FAILURES, dimensions={}),
        )

    def _add_edge_store_alarm(self, functions: Mapping[str, Function]) -> None:
        """Create the metric and the alarm for the size of the edge's KeyValueStore.

        AWS has no metric for it. Each release, and the collection once an hour, logs the size.
        """
        for name in ("collect", "release"):
            self._add_metric_filter(
                EDGE_STORE_BYTES,
                functions[name],
                f'{{ $.message = "{EDGE_STORE_MEASURED}" }}',
                name=f"{EDGE_STORE_BYTES}-{name}",
                value="$.bytes",
                unit="Bytes",
            )
        self._add_alarm(
            "edge-store-full",
            f"The edge's KeyValueStore has reached {ALARM_PERCENT} % of {STORE_BYTES:,} bytes. When it is "
            "full, no site can release. Each release has a share, and the shares of all sites fit together, "
            "unless sites were added since. Read the ERROR lines of the function collect, which removes "
            "releases that are not kept. If there are none, lower the setting keptReleases. "
            f"{_RUNBOOK}#edge-store-full",
            _Metric(
                namespace=self.builds_namespace,
                name=EDGE_STORE_BYTES,
                dimensions={},
                statistic="Maximum",
                period=60 * _MINUTE,
            ),
            at_least=STORE_BYTES * ALARM_PERCENT // 100,
            missing_data="ignore",
        )

    def _add_metric_filter(  # noqa: PLR0913 - the fields of a filter
        self,
        metric: str,
        function: Function,
        pattern: str,
        *,
        name: str | None = None,
        value: str = "1",
        unit: str = "Count",
    ) -> None:
        """Create a metric from the log lines that match a pattern.

        By default, the metric counts these lines. `value` can select a number in each line instead.
        """
        aws.cloudwatch.LogMetricFilter(
            name or metric,
            name=f"{self.scope.prefix}-{name or metric}",
            log_group_name=function.log_group_name,
            pattern=pattern,
            metric_transformation=aws.cloudwatch.LogMetricFilterMetricTransformationArgs(
                name=metric, namespace=self.builds_namespace, value=value, unit=unit
            ),
            opts=self.child_opts,
        )

    def _add_alarm(
        self,
        name: str,
        description: str,
        metric: _Metric,
        *,
        at_least: int = 1,
        missing_data: Literal["ignore", "notBreaching"] = "notBreaching",
    ) -> None:
        """Create an alarm that is active if a metric reaches a threshold in one period.

        Args:
            name: Alarm name without the scope's prefix.
            description: What happened, and what to do.
            metric: The metric.
            at_least: Threshold.
            missing_data: State of the alarm in a period without data. `notBreaching` is for metrics that
                count events: without an event, there is no data. `ignore` keeps the state. It is for metrics
                that measure a level, if the level can stay high while no data is reported.
        """
        alarm = aws.cloudwatch.MetricAlarm(
            name,
            name=f"{self.scope.prefix}-{name}",
            alarm_description=_check_description(name, description),
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=metric.dimensions,
            statistic=metric.statistic,
            period=metric.period,
            evaluation_periods=1,
            threshold=at_least,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data=missing_data,
            alarm_actions=[self._alerts.topic_arn],
            ok_actions=[self._alerts.topic_arn],
            opts=self.child_opts,
        )
        self.arns[name] = alarm.arn

    def _add_ratio_alarm(  # noqa: PLR0913 - the fields of an alarm
        self,
        name: str,
        description: str,
        *,
        expression: str,
        metrics: Mapping[str, _Metric],
        above: int,
        periods: int,
        topic: pulumi.Input[str],
        region: str | None = None,
    ) -> None:
        """Create an alarm that is active if a percentage is above a limit for a number of periods.

        The expression computes the percentage from two metrics.
        """
        query = aws.cloudwatch.MetricAlarmMetricQueryArgs
        alarm = aws.cloudwatch.MetricAlarm(
            name,
            name=f"{self.scope.prefix}-{name}",
            region=region,
            alarm_description=_check_description(name, description),
            metric_queries=[
                query(id="percent", expression=expression, label="percent", return_data=True),
                *(query(id=id_, metric=_build_query_metric(metric)) for id_, metric in metrics.items()),
            ],
            evaluation_periods=periods,
            threshold=above,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic],
            ok_actions=[topic],
            opts=self.child_opts,
        )
        if region is None:
            self.arns[name] = alarm.arn


def _build_query_metric(metric: _Metric) -> aws.cloudwatch.MetricAlarmMetricQueryMetricArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=metric.dimensions or None,
        stat=metric.statistic,
        period=metric.period,
    )


def _check_description(name: str, description: str) -> str:
    if len(description) > _LONGEST_DESCRIPTION:
        raise DeclarationError(
            f"the description of alarm {name!r} has {len(description)} characters; CloudWatch allows "
            f"{_LONGEST_DESCRIPTION}"
        )
    return description
