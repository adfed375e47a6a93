"""CostBudget: the monthly budget of a stage. AWS sends its notifications by mail."""

from typing import Final, Protocol

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.scope import ResourceScope

# Percent of the budget, and whether AWS compares the costs until now or the forecast of the month. AWS makes
# a forecast after some weeks of costs.
_NOTIFICATIONS: Final = ((50, "ACTUAL"), (80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED"))
_STAGE_TAG: Final = "Stage"


class BudgetSettings(Protocol):
    """The setting of a stage, which the wheel of the components does not contain."""

    @property
    def monthly_dollars(self) -> int:
        """Costs of a month, in US dollars."""
        ...

    @property
    def emails(self) -> tuple[str, ...]:
        """Addresses that receive the notifications."""
        ...


@attrs.frozen(kw_only=True)
class BudgetArgs:
    """Arguments of `CostBudget`.

    Attributes:
        monthly_dollars: Costs of a month, in US dollars.
        emails: Addresses that receive the notifications, 1 to 10.
    """

    monthly_dollars: int
    emails: tuple[str, ...]

    @classmethod
    def from_settings(cls, settings: BudgetSettings | None) -> "BudgetArgs | None":
        """Return the arguments for the setting of a stage. None without the setting."""
        return cls(monthly_dollars=settings.monthly_dollars, emails=settings.emails) if settings else None


class CostBudget(Part):
    """A budget for the costs of all resources with the tag `Stage` of the scope, of a month.

    AWS knows the costs of a tag only after the tag was activated as a cost allocation tag of the account.
    """

    def __init__(
        self,
        name: str,
        args: BudgetArgs,
        scope: ResourceScope,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(scope, opts)
        aws.budgets.Budget(
            name,
            name=f"{scope.prefix}-{name}",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(args.monthly_dollars),
            limit_unit="USD",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(
                    name="TagKeyValue", values=[f"user:{_STAGE_TAG}${scope.tags[_STAGE_TAG]}"]
                )
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(args.emails),
                )
                for percent, kind in _NOTIFICATIONS
            ],
            opts=self.child_opts,
        )
