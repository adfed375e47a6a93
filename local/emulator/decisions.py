"""A log of IAM decisions: the permissions that each role used, and the calls that were refused.

The log shows which permissions a policy needs (Q3). The emulator's CloudTrail is not sufficient: it has only
the names of the newest ten thousand calls, and no refused calls.
"""

# ruff: noqa: SLF001 - the emulator (ministack 1.5.33) has no interface for a host process
# pyright: reportPrivateUsage=false

from collections.abc import Callable
from typing import Any, cast

from attrs import define, field, frozen
from ministack.core import iam_evaluator


@frozen(kw_only=True)
class Decision:
    """A decision of IAM. Equal decisions are recorded once.

    Attributes:
        role: The name of the caller's role.
        action: The action. For an allowed call, it is spelled as in the policy.
        resource: For an allowed call, the resource pattern of the policy. For a refused call, the ARN of the
            resource.
        is_allowed: Whether the call was allowed.
    """

    role: str
    action: str
    resource: str
    is_allowed: bool


@define(eq=False)
class DecisionLog:
    """All decisions since the emulator was started or reset."""

    entries: set[Decision] = field(factory=set[Decision])

    def record_used_permissions(self, context: iam_evaluator.EvalContext, policies: list[list[Any]]) -> None:
        """Record the action and the resource pattern of each policy statement that allows the call."""
        role = _read_role_name(context.principal_arn)
        for statement in (each for policy in policies for each in policy):
            if role and iam_evaluator._first_match(context, [statement], "Allow"):
                for pattern in statement.resources:
                    if iam_evaluator._resource_matches(context.resource_arn, [pattern], []):
                        action = _find_policy_spelling(context.action, statement.actions)
                        self.entries.add(
                            Decision(role=role, action=action, resource=pattern, is_allowed=True)
                        )

    def record_refusal(self, principal: str, action: str, resource: str) -> None:
        """Record that a call of a role was refused."""
        if role := _read_role_name(principal):
            self.entries.add(Decision(role=role, action=action, resource=resource, is_allowed=False))


def install_decision_hooks(decisions: DecisionLog) -> None:
    """Wrap `evaluate` to record used permissions, and `enforce` to record refused calls."""

    def evaluate(
        context: iam_evaluator.EvalContext, policies: list[list[Any]], *limits: list[list[Any]]
    ) -> iam_evaluator.EvalResult:
        decisions.record_used_permissions(context, policies)
        return _ORIGINAL_EVALUATE(context, policies, *limits)

    def enforce(  # noqa: PLR0913, PLR0917 - the emulator's own signature
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - the emulator's own signature
        refused = _ORIGINAL_ENFORCE(access_key_id, iam_action, service, region, resource_arn, service_context)
        if isinstance(refused, iam_evaluator.EvalResult):
            decisions.record_refusal(refused.principal_arn, iam_action, resource_arn)
        return refused

    iam_evaluator.evaluate = evaluate
    iam_evaluator.enforce = enforce


_ORIGINAL_EVALUATE = cast("Callable[..., iam_evaluator.EvalResult]", iam_evaluator.evaluate)
_ORIGINAL_ENFORCE = cast("Callable[..., Any]", iam_evaluator.enforce)


def _read_role_name(principal_arn: str) -> str:
    """Return the role name of `arn:aws:sts::<account>:assumed-role/<role>/<session>`, or an empty string."""
    kind, _, rest = principal_arn.rpartition(":")[2].partition("/")
    return rest.partition("/")[0] if kind == "assumed-role" else ""


def _find_policy_spelling(action: str, actions: list[str]) -> str:
    return next((each for each in actions if each.lower() == action.lower()), action)
