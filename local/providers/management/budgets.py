"""AWS Budgets: monthly budgets with notifications by mail."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    find_removed_tags,
    parse_answer,
    parse_tag_list,
    pick_properties,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
BUDGET = {"BudgetType": "budgetType", "TimeUnit": "timeUnit"}
NOTIFICATION = {
    "ComparisonOperator": "comparisonOperator",
    "NotificationType": "notificationType",
    "Threshold": "threshold",
    "ThresholdType": "thresholdType",
}
Notification = tuple[dict[str, Any], list[dict[str, str]]]


@register_creator("aws:budgets/budget:Budget")
def create_budget(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a budget with its notifications."""
    name, properties = declared.get_physical_name(), declared.properties
    aws.client("budgets").create_budget(
        AccountId=aws.account_id,
        Budget=_build_budget(name, properties),
        NotificationsWithSubscribers=[
            {"Notification": notification, "Subscribers": subscribers}
            for notification, subscribers in _list_notifications(properties)
        ],
        ResourceTags=build_tag_list(properties),
    )
    outputs = {"arn": _build_arn(aws, name), "name": name, "accountId": aws.account_id}
    return CreatedResource(id=f"{aws.account_id}:{name}", outputs=outputs)


@register_updater("aws:budgets/budget:Budget")
def update_budget(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the budget, replace its notifications, and update its tags."""
    client, properties = aws.client("budgets"), declared.properties
    name = str(made.outputs["name"])
    budget = {"AccountId": aws.account_id, "BudgetName": name}
    client.update_budget(AccountId=aws.account_id, NewBudget=_build_budget(name, properties))
    for present in client.describe_notifications_for_budget(**budget)["Notifications"]:
        present.pop("NotificationState", None)
        client.delete_notification(**budget, Notification=present)
    for notification, subscribers in _list_notifications(properties):
        client.create_notification(**budget, Notification=notification, Subscribers=subscribers)
    arn = _build_arn(aws, name)
    tags = parse_tag_list(client.list_tags_for_resource(ResourceARN=arn).get("ResourceTags", []))
    if removed := find_removed_tags(tags, properties):
        client.untag_resource(ResourceARN=arn, ResourceTagKeys=removed)
    if wanted := build_tag_list(properties):
        client.tag_resource(ResourceARN=arn, ResourceTags=wanted)
    return made


@register_reader("aws:budgets/budget:Budget")
def read_budget(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the budget with its notifications."""
    client, name = aws.client("budgets"), str(made.outputs["name"])
    key = {"AccountId": aws.account_id, "BudgetName": name}
    budget = client.describe_budget(**key)["Budget"]
    notifications: list[Properties] = []
    for found in client.describe_notifications_for_budget(**key)["Notifications"]:
        subscribers = client.describe_subscribers_for_notification(**key, Notification=found)["Subscribers"]
        addresses = [each["Address"] for each in subscribers]
        notifications.append({**parse_answer(found, **NOTIFICATION), "subscriberEmailAddresses": addresses})
    tags = client.list_tags_for_resource(ResourceARN=_build_arn(aws, name)).get("ResourceTags", [])
    return {
        "costFilters": [
            {"name": kind, "values": values} for kind, values in budget.get("CostFilters", {}).items()
        ],
        "limitAmount": budget["BudgetLimit"]["Amount"],
        "limitUnit": budget["BudgetLimit"]["Unit"],
        "notifications": notifications,
        "tags": parse_tag_list(tags),
        **parse_answer(budget, BudgetName="name", **BUDGET),
    }


@register_deleter("aws:budgets/budget:Budget")
def delete_budget(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the budget with its notifications."""
    aws.client("budgets").delete_budget(AccountId=aws.account_id, BudgetName=str(made.outputs["name"]))


def _build_arn(aws: ProviderContext, name: str) -> str:
    return f"arn:aws:budgets::{aws.account_id}:budget/{name}"


def _build_budget(name: str, properties: Properties) -> dict[str, Any]:
    filters: list[Mapping[str, Any]] = properties.get("costFilters") or []
    return {
        "BudgetName": name,
        "BudgetLimit": {"Amount": properties["limitAmount"], "Unit": properties["limitUnit"]},
        "CostFilters": {each["name"]: each["values"] for each in filters},
        **pick_properties(properties, **BUDGET),
    }


def _list_notifications(properties: Properties) -> Iterator[Notification]:
    """Yield each notification with its subscribers."""
    for each in properties.get("notifications") or []:
        addresses: list[str] = each.get("subscriberEmailAddresses") or []
        yield (
            pick_properties(each, **NOTIFICATION),
            [{"SubscriptionType": "EMAIL", "Address": address} for address in addresses],
        )
