"""Alarms: what an operator is woken for, and what to do then (Q2).

Their number does not grow with the number of sites. What a tenant's code does wrong is the tenant's to know;
what it does site by site is on the dashboard (`components/operations/dashboard.py`).
"""

from collections.abc import Mapping
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.api import HttpApi
from components.aws.function import Function
from components.aws.queue import DeadLetterQueue, Queue
from components.core.component import Part
from components.core.errors import DeclarationError
from components.core.stage import CLOUDFRONT_REGION, StageConfig
from components.operations.alerts import Alerts
from runtime.deploy.builds.build_event import BUILD_ENDED, BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.model import Status

BUILDS_ENDED: Final = "BuildsEnded"
BUILDS_FAILED: Final = "BuildsFailed"
LONGEST_WAIT: Final = "LongestWait"
CODEBUILD_FULL_SEEN: Final = "CodeBuildFull"
EDGE_ERROR_SHARE: Final = 5
_LONGEST_DESCRIPTION: Final = 1024
_MINUTE: Final = 60
_LONG_WAIT: Final = 30 * _MINUTE
_QUEUED_BY_CODEBUILD: Final = 60  # seconds; it takes a few where there is room
_RUNBOOK: Final = "Runbook: docs/operations.md"


@attrs.frozen(kw_only=True)
class Watched:
    """What an operator answers for. Sites are not in it: there may be many.

    Attributes:
        functions: The platform's functions, by name. What `build-events`, `orchestrator` and `sweep` log of
            builds is counted.
        queues: The platform's queues, by name; their dead letters are watched too.
        dead_letters: Queues of what Lambda gave up in a function's name, by the name of what that is.
        apis: The HTTP APIs, by name.
        distributions: The ids of the distributions, by name.
    """

    functions: Mapping[str, Function]
    queues: Mapping[str, Queue]
    dead_letters: Mapping[str, DeadLetterQueue]
    apis: Mapping[str, HttpApi]
    distributions: Mapping[str, pulumi.Input[str]]


@attrs.frozen(kw_only=True)
class AlarmsArgs:
    """What alarms are made of.

    Attributes:
        stage: The stage they belong to.
        alerts: Whom they tell.
        watched: What they ring for.
    """

    stage: StageConfig
    alerts: Alerts
    watched: Watched


@attrs.frozen(kw_only=True)
class _Metric:
    """A metric, added up or averaged over each period.

    Attributes:
        period: Seconds.
    """

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str = "Sum"
    period: int = 5 * _MINUTE


class Alarms(Part):
    """Every alarm of a stage, each with a description that says what it means and what to do.

    Attributes:
        arns: The alarms' ARNs, by name; those of the stage's region.
        builds_namespace: Where the ends of builds are counted, as `BuildsEnded` and `BuildsFailed`, and what
            waits for one is measured, as `LongestWait` and `CodeBuildFull`.
    """

    def __init__(self, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.stage, opts)
        self._alerts = args.alerts
        self.arns: dict[str, pulumi.Output[str]] = {}
        self.builds_namespace = f"Anchor/{args.stage.name}"
        watched = args.watched
        for queue_name, queue in watched.queues.items():
            self._dead_letters(
                queue_name,
                queue.dead,
                "Read what the function that consumes them logged as ERROR, remove the cause, then move them "
                "back: in the SQS console, at the dead-letter queue, 'Start DLQ redrive'.",
            )
        for queue_name, queue in watched.dead_letters.items():
            # SQS moves back only what came from a queue.
            self._dead_letters(
                queue_name,
                queue,
                "Each says in requestContext which function gave it up. Read what that one logged as ERROR, "
                "remove the cause, call it with the message's requestPayload (of a table's changes there is "
                "none, but their place in the stream), then delete the message: SQS cannot move back what "
                "Lambda put there.",
            )
        for function_name, function in watched.functions.items():
            self._function(function_name, function)
        for api_name, api in watched.apis.items():
            self._api(api_name, api)
        for distribution_name, distribution in watched.distributions.items():
            self._distribution(distribution_name, distribution)
        self._builds(watched.functions["build-events"])
        self._waiting(watched.functions)

    def _dead_letters(self, name: str, queue: DeadLetterQueue, remedy: str) -> None:
        self._alarm(
            f"{name}-dead",
            f"Messages of {name} failed for good and wait as dead letters, up to 14 days. {remedy} "
            f"{_RUNBOOK}#dead-letters",
            _Metric(
                namespace="AWS/SQS",
                name="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": queue.queue_name},
                statistic="Maximum",
                period=_MINUTE,
            ),
        )

    def _function(self, name: str, function: Function) -> None:
        dimensions = {"FunctionName": function.function_name}
        self._alarm(
            f"{name}-errors",
            f"The function {name} crashed or ran out of time. What users do wrong is answered, not raised: "
            "this is a bug or an outage of what it calls. Search its log group for ERROR lines and for 'Task "
            f"timed out'; if a deployment of the platform came shortly before, undo it. "
            f"{_RUNBOOK}#function-errors",
            _Metric(namespace="AWS/Lambda", name="Errors", dimensions=dimensions),
        )
        self._alarm(
            f"{name}-throttles",
            f"Lambda refused calls of {name}: the account has no concurrency left in this region. Queues try "
            "again by themselves; a webhook that was refused is delivered again only by hand, from the "
            "repository's settings at GitHub. Find on the dashboard which site's functions take the "
            f"concurrency, and ask AWS for a higher quota. {_RUNBOOK}#throttles",
            _Metric(namespace="AWS/Lambda", name="Throttles", dimensions=dimensions),
        )

    def _api(self, name: str, api: HttpApi) -> None:
        self._alarm(
            f"{name}-api-5xx",
            f"The {name} API answered at least five requests in five minutes with a 5xx. Its access log says "
            "which routes, the log of the function behind them says why; 503 and 504 without an error there "
            f"mean that the function was throttled or too slow. {_RUNBOOK}#api-5xx",
            _Metric(namespace="AWS/ApiGateway", name="5xx", dimensions={"ApiId": api.api_id}),
            at_least=5,
        )

    def _distribution(self, name: str, distribution: pulumi.Input[str]) -> None:
        def metric(metric_name: str, statistic: str) -> _Metric:
            return _Metric(
                namespace="AWS/CloudFront",
                name=metric_name,
                dimensions={"DistributionId": distribution, "Region": "Global"},
                statistic=statistic,
            )

        self._ratio_alarm(
            f"{name}-5xx",
            f"More than {EDGE_ERROR_SHARE} % of what the distribution {name} answered was a 5xx, for 15 "
            "minutes. If the dashboard shows errors of one site only, its own code fails: tell its owner, or "
            "promote an older deployment. If it shows many sites, look at Lambda's throttles and at AWS "
            f"Health for CloudFront, Lambda and S3 first. {_RUNBOOK}#edge-5xx",
            # One failure in a quiet night is a large share of few requests.
            expression="IF(requests > 100, share, 0)",
            metrics={"requests": metric("Requests", "Sum"), "share": metric("5xxErrorRate", "Average")},
            above=EDGE_ERROR_SHARE,
            periods=3,
            region=CLOUDFRONT_REGION,
            topic=self._alerts.cloudfront_topic_arn,
        )

    def _builds(self, build_events: Function) -> None:
        """Count how builds end, by the lines that the function logs about them.

        CodeBuild's own metrics are of one project each, or of the whole account with its other stages.
        """
        patterns = {
            BUILDS_ENDED: f'{{ $.message = "{BUILD_ENDED}" }}',
            BUILDS_FAILED: f'{{ $.message = "{BUILD_ENDED}" && $.status = "{Status.FAILED.value}" }}',
        }
        for metric_name, pattern in patterns.items():
            self._counted(metric_name, build_events, pattern)

        def metric(name: str) -> _Metric:
            return _Metric(namespace=self.builds_namespace, name=name, dimensions={}, period=60 * _MINUTE)

        self._ratio_alarm(
            "builds-failed",
            "At least five builds failed within an hour, and more than half of all. One site's broken code "
            "does not do that: suspect the npm registry, GitHub, CodeBuild (AWS Health) or a change of the "
            "buildspec. Compare the step and the reason in the log of the function build-events ('build "
            f"ended'), then trigger the failed deployments again. {_RUNBOOK}#builds-failed",
            expression="IF(failed >= 5, 100 * failed / ended, 0)",
            metrics={"failed": metric(BUILDS_FAILED), "ended": metric(BUILDS_ENDED)},
            above=50,
            periods=1,
            topic=self._alerts.topic_arn,
        )

    def _waiting(self, functions: Mapping[str, Function]) -> None:
        """Measure how long builds wait for their turn, and count those whose turn CodeBuild could not use."""
        self._counted(
            LONGEST_WAIT,
            functions["sweep"],
            f'{{ $.message = "{BUILDS_WAIT}" }}',
            value="$.seconds",
            unit="Seconds",
        )
        refused = f'{{ $.message = "{CODEBUILD_FULL}" }}'
        self._counted(CODEBUILD_FULL_SEEN, functions["orchestrator"], refused)
        self._counted(
            LONGEST_WAIT,
            functions["orchestrator"],
            refused,
            name="LongestWaitRefused",
            value="$.seconds",
            unit="Seconds",
        )
        self._counted(
            CODEBUILD_FULL_SEEN,
            functions["build-events"],
            f'{{ $.message = "{BUILD_ENDED}" && $.queued >= {_QUEUED_BY_CODEBUILD} }}',
            name="CodeBuildQueued",
        )
        self._alarm(
            "builds-waiting",
            f"A build has waited for its turn for {_LONG_WAIT // _MINUTE} minutes, as long as any build may "
            "take. Look at what runs and what waits. If CodeBuild is full, too, that comes first; else raise "
            "the setting concurrentBuilds, and CodeBuild's quota with it, if the builds that run are the "
            f"tenants' ordinary ones. {_RUNBOOK}#builds-waiting",
            # While any waits, the sweep tells every five minutes, or CodeBuild refuses it every minute.
            _Metric(
                namespace=self.builds_namespace,
                name=LONGEST_WAIT,
                dimensions={},
                statistic="Maximum",
                period=15 * _MINUTE,
            ),
            at_least=_LONG_WAIT,
        )
        self._alarm(
            "codebuild-full",
            "CodeBuild refused a build that had its turn, or let it wait for more than "
            f"{_QUEUED_BY_CODEBUILD} seconds: the account's quota is lower than the setting "
            "concurrentBuilds, or others in the account build, too. Nothing is lost; but of what CodeBuild "
            "keeps waiting itself, chance decides which is first. Raise the quota or lower the setting. "
            f"{_RUNBOOK}#codebuild-full",
            _Metric(namespace=self.builds_namespace, name=CODEBUILD_FULL_SEEN, dimensions={}),
        )

    def _counted(  # noqa: PLR0913 - what a filter is made of
        self,
        metric: str,
        function: Function,
        pattern: str,
        *,
        name: str | None = None,
        value: str = "1",
        unit: str = "Count",
    ) -> None:
        """A metric of what a function logs: how often, or a number in it."""
        aws.cloudwatch.LogMetricFilter(
            name or metric,
            name=f"{self.stage.prefix}-{name or metric}",
            log_group_name=function.log_group_name,
            pattern=pattern,
            metric_transformation=aws.cloudwatch.LogMetricFilterMetricTransformationArgs(
                name=metric, namespace=self.builds_namespace, value=value, unit=unit
            ),
            opts=self.inside,
        )

    def _alarm(self, name: str, description: str, metric: _Metric, *, at_least: int = 1) -> None:
        """An alarm that rings when a metric reaches a number within one period."""
        alarm = aws.cloudwatch.MetricAlarm(
            name,
            name=f"{self.stage.prefix}-{name}",
            alarm_description=_described(name, description),
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=metric.dimensions,
            statistic=metric.statistic,
            period=metric.period,
            evaluation_periods=1,
            threshold=at_least,
            comparison_operator="GreaterThanOrEqualToThreshold",
            # Lambda, SQS and the APIs report nothing while nothing happens.
            treat_missing_data="notBreaching",
            alarm_actions=[self._alerts.topic_arn],
            ok_actions=[self._alerts.topic_arn],
            opts=self.inside,
        )
        self.arns[name] = alarm.arn

    def _ratio_alarm(  # noqa: PLR0913 - what an alarm on two metrics is made of
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
        """An alarm that rings when a percentage, made of metrics, is too high for some periods in a row."""
        query = aws.cloudwatch.MetricAlarmMetricQueryArgs
        alarm = aws.cloudwatch.MetricAlarm(
            name,
            name=f"{self.stage.prefix}-{name}",
            region=region,
            alarm_description=_described(name, description),
            metric_queries=[
                query(id="percent", expression=expression, label="percent", return_data=True),
                *(query(id=id_, metric=_query_metric(metric)) for id_, metric in metrics.items()),
            ],
            evaluation_periods=periods,
            threshold=above,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic],
            ok_actions=[topic],
            opts=self.inside,
        )
        if region is None:
            self.arns[name] = alarm.arn


def _query_metric(metric: _Metric) -> aws.cloudwatch.MetricAlarmMetricQueryMetricArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=metric.dimensions or None,
        stat=metric.statistic,
        period=metric.period,
    )


def _described(name: str, description: str) -> str:
    if len(description) > _LONGEST_DESCRIPTION:
        raise DeclarationError(
            f"the description of alarm {name!r} has {len(description)} characters; CloudWatch allows "
            f"{_LONGEST_DESCRIPTION}"
        )
    return description
