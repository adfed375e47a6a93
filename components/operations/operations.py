"""Operations: who is told when something fails, and where to look (Q2)."""

import attrs
import pulumi

from components.core.component import Component
from components.core.stage import StageConfig
from components.operations.alarms import Alarms, AlarmsArgs, Watched
from components.operations.alerts import Alerts, AlertsArgs
from components.operations.dashboard import OperatorDashboard, OperatorDashboardArgs


@attrs.frozen(kw_only=True)
class OperationsArgs:
    """What operations are made of.

    Attributes:
        stage: The stage they belong to, with the addresses that are mailed.
        account: The AWS account's id.
        watched: What alarms ring for and the dashboard shows.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    watched: Watched


class Operations(Component):
    """The topics, the alarms and the dashboard of a stage."""

    def __init__(self, name: str, args: OperationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("operations", name, args.stage, opts)
        alerts = Alerts("alerts", AlertsArgs(stage=args.stage, account=args.account), self.inside)
        alarms = Alarms(AlarmsArgs(stage=args.stage, alerts=alerts, watched=args.watched), self.inside)
        OperatorDashboard(
            "operator",
            OperatorDashboardArgs(stage=args.stage, alarms=alarms, watched=args.watched),
            self.inside,
        )
        self.register_outputs({})
