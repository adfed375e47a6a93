"""OperatorDashboard: how a stage is doing, on one page (Q2).

What belongs to sites is found by search expressions, so that the page is the same for one site and for 500:
CloudWatch takes at most 500 metrics on a graph, and a search finds at most 500.
"""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.outputs import composed_json
from components.core.stage import CLOUDFRONT_REGION, StageConfig
from components.operations.alarms import (
    BUILDS_ENDED,
    BUILDS_FAILED,
    CODEBUILD_FULL_SEEN,
    EDGE_ERROR_SHARE,
    LONGEST_WAIT,
    Alarms,
    Watched,
)

# The grid of a dashboard is 24 wide; widgets without a place are put side by side, in their order.
_WIDTH: Final = 24
_HEIGHT: Final = 6
_TOP: Final = 20
_FIVE_MINUTES: Final = 300

Metric = list[pulumi.Input[str] | dict[str, object]]


@attrs.frozen(kw_only=True)
class OperatorDashboardArgs:
    """What a dashboard is made of.

    Attributes:
        stage: The stage it belongs to.
        alarms: The stage's alarms.
        watched: What it shows of the platform itself.
    """

    stage: StageConfig
    alarms: Alarms
    watched: Watched


class OperatorDashboard(Part):
    """One dashboard, from the alarms at the top down to single sites."""

    def __init__(
        self, name: str, args: OperatorDashboardArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(args.stage, opts)
        self._args = args
        aws.cloudwatch.Dashboard(
            name,
            dashboard_name=args.stage.prefix,
            dashboard_body=composed_json(
                {
                    "widgets": [
                        self._alarms(),
                        *self._edge(),
                        *self._apis(),
                        *self._builds(),
                        *self._functions(),
                        *self._sites(),
                    ]
                }
            ),
            opts=self.inside,
        )

    def _alarms(self) -> dict[str, object]:
        return {
            "type": "alarm",
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": {"title": "Alarms", "alarms": list(self._args.alarms.arns.values())},
        }

    def _edge(self) -> list[dict[str, object]]:
        def of_each(metric: str, statistic: str) -> list[Metric]:
            return [
                [
                    "AWS/CloudFront",
                    metric,
                    "DistributionId",
                    distribution,
                    "Region",
                    "Global",
                    {"label": f"{name} {metric}", "stat": statistic},
                ]
                for name, distribution in self._args.watched.distributions.items()
            ]

        return [
            self._graph(
                "Edge: 4xx and 5xx, percent of all answers",
                [*of_each("5xxErrorRate", "Average"), *of_each("4xxErrorRate", "Average")],
                region=CLOUDFRONT_REGION,
                line=("alarm: 5xx", EDGE_ERROR_SHARE),
            ),
            self._graph("Edge: requests", of_each("Requests", "Sum"), region=CLOUDFRONT_REGION),
        ]

    def _apis(self) -> list[dict[str, object]]:
        def of_each(metric: str, statistic: str) -> list[Metric]:
            return [
                [
                    "AWS/ApiGateway",
                    metric,
                    "ApiId",
                    api.api_id,
                    {"label": f"{name} {metric}", "stat": statistic},
                ]
                for name, api in self._args.watched.apis.items()
            ]

        return [
            self._graph(
                "APIs: requests, 4xx and 5xx",
                [*of_each("Count", "Sum"), *of_each("4xx", "Sum"), *of_each("5xx", "Sum")],
            ),
            self._graph("APIs: latency, 99 of 100 are quicker (ms)", of_each("Latency", "p99")),
        ]

    def _builds(self) -> list[dict[str, object]]:
        namespace = self._args.alarms.builds_namespace
        oldest: list[Metric] = [
            [
                "AWS/SQS",
                "ApproximateAgeOfOldestMessage",
                "QueueName",
                queue.queue_name,
                {"label": name, "stat": "Maximum"},
            ]
            for name, queue in self._args.watched.queues.items()
        ]
        return [
            self._graph(
                "Builds that ended, and that failed",
                [[namespace, BUILDS_ENDED, {"stat": "Sum"}], [namespace, BUILDS_FAILED, {"stat": "Sum"}]],
            ),
            self._graph(
                "Builds: how long the longest has waited for its turn (s), and how often CodeBuild was full",
                [
                    [namespace, LONGEST_WAIT, {"stat": "Maximum"}],
                    [namespace, CODEBUILD_FULL_SEEN, {"stat": "Sum"}],
                ],
            ),
            self._graph("Queues: age of the oldest message (s)", oldest),
            self._graph(
                f"Builds: the {_TOP} sites that build longest (s)",
                [self._search("AWS/CodeBuild", "ProjectName", "Duration", "Maximum", "site")],
            ),
            self._graph(
                "Dead letters, of sites too",
                [
                    self._search(
                        "AWS/SQS", "QueueName", "ApproximateNumberOfMessagesVisible", "Maximum", "dead"
                    )
                ],
            ),
        ]

    def _functions(self) -> list[dict[str, object]]:
        def of_each(metric: str, statistic: str) -> list[Metric]:
            return [
                [
                    "AWS/Lambda",
                    metric,
                    "FunctionName",
                    function.function_name,
                    {"label": f"{name} {metric}", "stat": statistic},
                ]
                for name, function in self._args.watched.functions.items()
            ]

        return [
            self._graph(
                "Platform functions: errors and throttles",
                [*of_each("Errors", "Sum"), *of_each("Throttles", "Sum")],
            ),
            self._graph("Platform functions: slowest call (ms)", of_each("Duration", "Maximum")),
        ]

    def _sites(self) -> list[dict[str, object]]:
        def of_sites(metric: str, statistic: str) -> list[Metric]:
            return [self._search("AWS/Lambda", "FunctionName", metric, statistic, "site server")]

        return [
            self._graph(f"Sites: the {_TOP} with most requests", of_sites("Invocations", "Sum")),
            self._graph(f"Sites: the {_TOP} with most errors of their own code", of_sites("Errors", "Sum")),
            self._graph(
                f"Sites: the {_TOP} slowest, 99 of 100 are quicker (ms)", of_sites("Duration", "p99")
            ),
            self._graph(
                f"Sites: the {_TOP} with most concurrent calls", of_sites("ConcurrentExecutions", "Maximum")
            ),
            self._graph(f"Sites: the {_TOP} throttled most", of_sites("Throttles", "Sum")),
            self._graph(
                "Tables: requests that DynamoDB throttled",
                [self._search("AWS/DynamoDB", "TableName,Operation", "ThrottledRequests", "Sum", "")],
            ),
        ]

    def _search(self, namespace: str, dimensions: str, metric: str, statistic: str, words: str) -> Metric:
        """The metrics of what the stage's resources are named; only the highest are drawn.

        A word finds names that contain it between hyphens: `anchor dev site server` finds the server function
        of every site of dev.
        """
        named = f"{self.stage.prefix.replace('-', ' ')} {words}".strip()
        search = (
            f"SEARCH('{{{namespace},{dimensions}}} MetricName=\"{metric}\" {named}', "
            f"'{statistic}', {_FIVE_MINUTES})"
        )
        highest = "SUM" if statistic == "Sum" else "MAX"
        return [{"expression": f"SORT({search}, {highest}, DESC, {_TOP})", "label": ""}]

    def _graph(
        self,
        title: str,
        metrics: list[Metric],
        *,
        region: str | None = None,
        line: tuple[str, int] | None = None,
    ) -> dict[str, object]:
        properties: dict[str, object] = {
            "title": title,
            "metrics": metrics,
            "view": "timeSeries",
            "region": region or self.stage.region,
            "period": _FIVE_MINUTES,
            "yAxis": {"left": {"min": 0}},
        }
        if line:
            label, value = line
            properties["annotations"] = {"horizontal": [{"label": label, "value": value}]}
        return {"type": "metric", "width": _WIDTH // 2, "height": _HEIGHT, "properties": properties}
