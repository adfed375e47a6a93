"""OperatorDashboard: the state of a stage on one page.

Search expressions find the metrics of sites, so the definition of the dashboard does not list the sites.
CloudWatch allows 500 metrics in one graph, and a search returns at most 500 metrics.
"""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.outputs import interpolate_json
from components.core.scope import CLOUDFRONT_REGION, ResourceScope
from components.operations.alarms import (
    BUILDS_ENDED,
    BUILDS_FAILED,
    CODEBUILD_FULL_COUNT,
    EDGE_ERROR_PERCENT,
    LONGEST_WAIT,
    Alarms,
    MonitoredResources,
)

# A dashboard is 24 units wide. Widgets without a position are placed side by side, in order.
_WIDTH: Final = 24
_HEIGHT: Final = 6
_TOP_SITES: Final = 20
_FIVE_MINUTES: Final = 300

Metric = list[pulumi.Input[str] | dict[str, object]]


@attrs.frozen(kw_only=True)
class OperatorDashboardArgs:
    """Arguments of `OperatorDashboard`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        alarms: Alarms of the stage.
        monitored: Resources of the platform.
    """

    scope: ResourceScope
    alarms: Alarms
    monitored: MonitoredResources


class OperatorDashboard(Part):
    """One dashboard, with the alarms at the top and the graphs of single sites at the bottom."""

    def __init__(
        self, name: str, args: OperatorDashboardArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(args.scope, opts)
        self._args = args
        aws.cloudwatch.Dashboard(
            name,
            dashboard_name=args.scope.prefix,
            dashboard_body=interpolate_json(
                {
                    "widgets": [
                        self._build_alarm_widget(),
                        *self._build_edge_graphs(),
                        *self._build_api_graphs(),
                        *self._build_pipeline_graphs(),
                        *self._build_function_graphs(),
                        *self._build_site_graphs(),
                    ]
                }
            ),
            opts=self.child_opts,
        )

    def _build_alarm_widget(self) -> dict[str, object]:
        return {
            "type": "alarm",
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": {"title": "Alarms", "alarms": list(self._args.alarms.arns.values())},
        }

    def _build_edge_graphs(self) -> list[dict[str, object]]:
        def build_metrics(metric: str, statistic: str) -> list[Metric]:
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
                for name, distribution in self._args.monitored.distributions.items()
            ]

        return [
            self._build_graph(
                "Edge: 4xx and 5xx, percent of all responses",
                [*build_metrics("5xxErrorRate", "Average"), *build_metrics("4xxErrorRate", "Average")],
                region=CLOUDFRONT_REGION,
                line=("alarm: 5xx", EDGE_ERROR_PERCENT),
            ),
            self._build_graph("Edge: requests", build_metrics("Requests", "Sum"), region=CLOUDFRONT_REGION),
        ]

    def _build_api_graphs(self) -> list[dict[str, object]]:
        def build_metrics(metric: str, statistic: str) -> list[Metric]:
            return [
                [
                    "AWS/ApiGateway",
                    metric,
                    "ApiId",
                    api.api_id,
                    {"label": f"{name} {metric}", "stat": statistic},
                ]
                for name, api in self._args.monitored.apis.items()
            ]

        return [
            self._build_graph(
                "APIs: requests, 4xx and 5xx",
                [*build_metrics("Count", "Sum"), *build_metrics("4xx", "Sum"), *build_metrics("5xx", "Sum")],
            ),
            self._build_graph("APIs: latency, p99 (ms)", build_metrics("Latency", "p99")),
        ]

    def _build_pipeline_graphs(self) -> list[dict[str, object]]:
        namespace = self._args.alarms.builds_namespace
        oldest: list[Metric] = [
            [
                "AWS/SQS",
                "ApproximateAgeOfOldestMessage",
                "QueueName",
                queue.queue_name,
                {"label": name, "stat": "Maximum"},
            ]
            for name, queue in self._args.monitored.queues.items()
        ]
        return [
            self._build_graph(
                "Builds: ended and failed",
                [[namespace, BUILDS_ENDED, {"stat": "Sum"}], [namespace, BUILDS_FAILED, {"stat": "Sum"}]],
            ),
            self._build_graph(
                "Builds: longest waiting time (s), and how often CodeBuild had no capacity",
                [
                    [namespace, LONGEST_WAIT, {"stat": "Maximum"}],
                    [namespace, CODEBUILD_FULL_COUNT, {"stat": "Sum"}],
                ],
            ),
            self._build_graph("Queues: age of the oldest message (s)", oldest),
            self._build_graph(
                f"Builds: the {_TOP_SITES} sites with the longest builds (s)",
                [self._build_search("AWS/CodeBuild", "ProjectName", "Duration", "Maximum", "site")],
            ),
            self._build_graph(
                "Dead letters, including those of sites",
                [
                    self._build_search(
                        "AWS/SQS", "QueueName", "ApproximateNumberOfMessagesVisible", "Maximum", "dead"
                    )
                ],
            ),
        ]

    def _build_function_graphs(self) -> list[dict[str, object]]:
        def build_metrics(metric: str, statistic: str) -> list[Metric]:
            return [
                [
                    "AWS/Lambda",
                    metric,
                    "FunctionName",
                    function.function_name,
                    {"label": f"{name} {metric}", "stat": statistic},
                ]
                for name, function in self._args.monitored.functions.items()
            ]

        return [
            self._build_graph(
                "Platform functions: errors and throttles",
                [*build_metrics("Errors", "Sum"), *build_metrics("Throttles", "Sum")],
            ),
            self._build_graph("Platform functions: slowest call (ms)", build_metrics("Duration", "Maximum")),
        ]

    def _build_site_graphs(self) -> list[dict[str, object]]:
        def build_site_search(metric: str, statistic: str) -> list[Metric]:
            return [self._build_search("AWS/Lambda", "FunctionName", metric, statistic, "site server")]

        return [
            self._build_graph(
                f"Sites: the {_TOP_SITES} with the most requests", build_site_search("Invocations", "Sum")
            ),
            self._build_graph(
                f"Sites: the {_TOP_SITES} with the most errors", build_site_search("Errors", "Sum")
            ),
            self._build_graph(
                f"Sites: the {_TOP_SITES} slowest, p99 (ms)", build_site_search("Duration", "p99")
            ),
            self._build_graph(
                f"Sites: the {_TOP_SITES} with the most concurrent calls",
                build_site_search("ConcurrentExecutions", "Maximum"),
            ),
            self._build_graph(
                f"Sites: the {_TOP_SITES} with the most throttles", build_site_search("Throttles", "Sum")
            ),
            self._build_graph(
                "Tables: throttled requests",
                [self._build_search("AWS/DynamoDB", "TableName,Operation", "ThrottledRequests", "Sum", "")],
            ),
        ]

    def _build_search(
        self, namespace: str, dimensions: str, metric: str, statistic: str, extra_words: str
    ) -> Metric:
        """Return a search expression for resources whose names contain the scope's prefix and `extra_words`.

        A word matches a part of a name between hyphens: `anchor dev site server` finds the server functions
        of all sites of dev. The graph shows only the results with the highest values.
        """
        name_words = f"{self.scope.prefix.replace('-', ' ')} {extra_words}".strip()
        search = (
            f"SEARCH('{{{namespace},{dimensions}}} MetricName=\"{metric}\" {name_words}', "
            f"'{statistic}', {_FIVE_MINUTES})"
        )
        highest = "SUM" if statistic == "Sum" else "MAX"
        return [{"expression": f"SORT({search}, {highest}, DESC, {_TOP_SITES})", "label": ""}]

    def _build_graph(
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
            "region": region or self.scope.region,
            "period": _FIVE_MINUTES,
            "yAxis": {"left": {"min": 0}},
        }
        if line:
            label, value = line
            properties["annotations"] = {"horizontal": [{"label": label, "value": value}]}
        return {"type": "metric", "width": _WIDTH // 2, "height": _HEIGHT, "properties": properties}
