"""Lambda: statements of functions' resource policies."""

import json

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    pick_properties,
)

# For each property, the operator and the key of the statement's condition.
CONDITIONS = {
    "functionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "invokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
    "sourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "sourceArn": ("ArnLike", "AWS:SourceArn"),
}


@register_creator("aws:lambda/permission:Permission")
def create_permission(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Add a statement to a function's policy.

    The checks of S3 notifications and EventBridge rules use the policy (local/emulator/access.py).
    """
    properties = declared.properties
    statement = declared.get_physical_name("statementId")
    aws.client("lambda").add_permission(
        FunctionName=properties["function"],
        StatementId=statement,
        Action=properties["action"],
        Principal=properties["principal"],
        **pick_properties(
            properties,
            SourceArn="sourceArn",
            SourceAccount="sourceAccount",
            Qualifier="qualifier",
            FunctionUrlAuthType="functionUrlAuthType",
            InvokedViaFunctionUrl="invokedViaFunctionUrl",
        ),
    )
    return CreatedResource(id=statement, outputs={"statementId": statement})


@register_reader("aws:lambda/permission:Permission", unreadable=("function", "qualifier"))
def read_permission(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> Properties | None:
    """Return the statement."""
    properties = declared.properties
    answer = aws.client("lambda").get_policy(
        FunctionName=properties["function"], **pick_properties(properties, Qualifier="qualifier")
    )
    statements: list[Properties] = json.loads(answer["Policy"])["Statement"]
    statement = next((each for each in statements if each.get("Sid") == made.id), None)
    if statement is None:
        return None
    principal = statement["Principal"]
    conditions = statement.get("Condition", {})
    return {
        "statementId": made.id,
        "action": statement["Action"],
        "principal": principal if isinstance(principal, str) else next(iter(principal.values())),
        **{name: conditions.get(operator, {}).get(key) for name, (operator, key) in CONDITIONS.items()},
    }


@register_deleter("aws:lambda/permission:Permission")
def delete_permission(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Remove the statement."""
    aws.client("lambda").remove_permission(
        FunctionName=declared.properties["function"],
        StatementId=made.id,
        **pick_properties(declared.properties, Qualifier="qualifier"),
    )
