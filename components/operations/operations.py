"""Operations: alarms, their recipients and the dashboard."""

import attrs
import pulumi

from components.core.component import Component
from components.core.stage import StageConfig
from components.operations.alarms import Alarms, AlarmsArgs, MonitoredResources
from components.operations.alerts import Alerts, AlertsArgs
from components.operations.dashboard import OperatorDashboard, OperatorDashboardArgs


@attrs.frozen(kw_only=True)
class OperationsArgs:
    """Arguments of `Operations`.

    Attributes:
        stage: Stage settings, with the alert addresses.
        account: AWS account id.
        monitored: Resources with alarms and dashboard graphs.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    monitored: MonitoredResources


class Operations(Component):
    """The alarm topics, the alarms and the dashboard of a stage."""

    def __init__(self, name: str, args: OperationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("operations", name, args.stage, opts)
        alerts = Alerts("alerts", AlertsArgs(stage=args.stage, account=args.account), self.child_opts)
        alarms = Alarms(
            AlarmsArgs(stage=args.stage, alerts=alerts, monitored=args.monitored), self.child_opts
        )
        OperatorDashboard(
            "operator",
            OperatorDashboardArgs(stage=args.stage, alarms=alarms, monitored=args.monitored),
            self.child_opts,
        )
        self.register_outputs({})
