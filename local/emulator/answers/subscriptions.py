"""SNS hooks for the emulator: an e-mail subscription waits until its receiver confirms it.

The emulator (ministack 1.5.33) confirms e-mail subscriptions at once. With these hooks, e-mail subscriptions
are never confirmed, because the emulator sends no e-mail.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

from typing import Any, Final, cast

from ministack.services import sns

from local.emulator.answers.hooking import Function, Response, replace_function

Json = dict[str, Any]

EMAIL: Final = frozenset({"email", "email-json"})
PENDING: Final = "Cannot unsubscribe a subscription that is pending confirmation"


def install_subscription_hooks() -> None:
    """Install the hooks."""
    replace_function(sns, "_subscribe", _wrap_subscribe)
    replace_function(sns, "_unsubscribe", _wrap_unsubscribe)


def _wrap_subscribe(original: Function) -> Function:
    def subscribe(params: Json) -> Response:
        topic: Json | None = sns._topics.get(sns._p(params, "TopicArn"))
        if topic is None:
            return cast("Response", original(params))
        known = {each["arn"] for each in topic["subscriptions"]}
        response = cast("Response", original(params))
        for created in topic["subscriptions"]:
            if created["protocol"] in EMAIL and created["arn"] not in known:
                created["confirmed"] = False
                created["attributes"] |= {
                    "ConfirmationWasAuthenticated": "false",
                    "PendingConfirmation": "true",
                }
                sns._refresh_subscription_counts(topic)
        return response

    return subscribe


def _wrap_unsubscribe(original: Function) -> Function:
    def unsubscribe(params: Json) -> Response:
        arn = sns._p(params, "SubscriptionArn")
        found: Json | None = sns._find_subscription(sns._sub_arn_to_topic.get(arn, ""), arn)
        if found is not None and not found["confirmed"]:
            return cast(
                "Response",
                sns._error("InvalidParameter", f"Invalid parameter: SubscriptionArn Reason: {PENDING}", 400),
            )
        return cast("Response", original(params))

    return unsubscribe
