"""The emulator's IAM, written down: what each role has used of what it is allowed, and what it was refused.

So a policy can be compared with what it is needed for (Q3). The emulator's CloudTrail has not enough for
that: names of calls alone, the newest ten thousand, and no refused ones.
"""

# ruff: noqa: SLF001 - the emulator (ministack 1.5.33) has no interface for a host process
# pyright: reportPrivateUsage=false

from collections.abc import Callable
from typing import Any, cast

from attrs import define, field, frozen
from ministack.core import iam_evaluator


@frozen(kw_only=True)
class Decision:
    """What IAM said to a call, once for all calls alike.

    Attributes:
        role: The name of the caller's role.
        action: As the policy spells it, if it is allowed there.
        resource: Of an allowed call the policy's own pattern; of a refused one the resource's ARN.
        allowed: What was said.
    """

    role: str
    action: str
    resource: str
    allowed: bool


@define(eq=False)
class Decisions:
    """All that was said to roles since the emulator was started or emptied."""

    made: set[Decision] = field(factory=set[Decision])

    def note_use(self, context: iam_evaluator.EvalContext, policies: list[list[Any]]) -> None:
        """Note which of the role's own statements allow a call."""
        role = _role(context.principal_arn)
        for statement in (each for policy in policies for each in policy):
            if role and iam_evaluator._first_match(context, [statement], "Allow"):
                for pattern in statement.resources:
                    if iam_evaluator._resource_matches(context.resource_arn, [pattern], []):
                        action = _spelled(context.action, statement.actions)
                        self.made.add(Decision(role=role, action=action, resource=pattern, allowed=True))

    def note_refusal(self, principal: str, action: str, resource: str) -> None:
        """Note that a role was refused a call."""
        if role := _role(principal):
            self.made.add(Decision(role=role, action=action, resource=resource, allowed=False))


def install(decisions: Decisions) -> None:
    """Put the hooks around `evaluate`, which knows the caller's policies, and `enforce`, which decides."""

    def evaluate(
        context: iam_evaluator.EvalContext, policies: list[list[Any]], *limits: list[list[Any]]
    ) -> iam_evaluator.EvalResult:
        decisions.note_use(context, policies)
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
            decisions.note_refusal(refused.principal_arn, iam_action, resource_arn)
        return refused

    iam_evaluator.evaluate = evaluate
    iam_evaluator.enforce = enforce


_ORIGINAL_EVALUATE = cast("Callable[..., iam_evaluator.EvalResult]", iam_evaluator.evaluate)
_ORIGINAL_ENFORCE = cast("Callable[..., Any]", iam_evaluator.enforce)


def _role(principal_arn: str) -> str:
    """Return the role's name of `arn:aws:sts::<account>:assumed-role/<role>/<session>`; nothing of others."""
    kind, _, rest = principal_arn.rpartition(":")[2].partition("/")
    return rest.partition("/")[0] if kind == "assumed-role" else ""


def _spelled(action: str, actions: list[str]) -> str:
    return next((each for each in actions if each.lower() == action.lower()), action)
