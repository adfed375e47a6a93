"""Operations: alarms, their recipients and the dashboard."""

import attrs
import pulumi

from components.core.component import Component
from components.core.scope import ResourceScope
from components.operations.alarms import Alarms, AlarmsArgs, MonitoredResources
from components.operations.alerts import Alerts, AlertsArgs
from components.operations.budget import BudgetArgs, CostBudget
from components.operations.dashboard import OperatorDashboard, OperatorDashboardArgs


@attrs.frozen(kw_only=True)
class OperationsArgs:
    """Arguments of `Operations`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        metric_namespace: CloudWatch namespace of the metrics that are read from logs.
        alert_emails: Addresses that receive alarms.
        budget: Monthly budget. None for no budget.
        monitored: Resources with alarms and dashboard graphs.
    """

    scope: ResourceScope
    metric_namespace: str
    alert_emails: tuple[str, ...] = ()
    budget: BudgetArgs | None = None
    monitored: MonitoredResources


class Operations(Component):
    """The alarm topics, the alarms, the dashboard and the budget of a stage."""

    def __init__(self, name: str, args: OperationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("operations", name, args.scope, opts)
        alerts = Alerts("alerts", AlertsArgs(scope=args.scope, emails=args.alert_emails), self.child_opts)
        alarms = Alarms(
            AlarmsArgs(
                scope=args.scope,
                metric_namespace=args.metric_namespace,
                alerts=alerts,
                monitored=args.monitored,
            ),
            self.child_opts,
        )
        OperatorDashboard(
            "operator",
            OperatorDashboardArgs(scope=args.scope, alarms=alarms, monitored=args.monitored),
            self.child_opts,
        )
        if args.budget:
            CostBudget("alarms-budget", args.budget, args.scope, self.child_opts)
        self.register_outputs({})
