"""CloudWatch Logs: log groups and metric filters."""

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
    find_removed_tags,
    parse_answer,
    pick_properties,
    read_single_block,
    read_tags,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
TRANSFORMATION = {
    "metricName": "name",
    "metricNamespace": "namespace",
    "metricValue": "value",
    "dimensions": "dimensions",
    "unit": "unit",
}


@register_creator("aws:cloudwatch/logGroup:LogGroup")
def create_log_group(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a log group and set its retention."""
    properties = declared.properties
    name = declared.get_physical_name()
    aws.client("logs").create_log_group(
        logGroupName=name,
        **pick_properties(properties, kmsKeyId="kmsKeyId", logGroupClass="logGroupClass"),
        **({"tags": read_tags(properties)} if read_tags(properties) else {}),
    )
    _set_retention(aws, declared, name)
    return CreatedResource(id=name, outputs={"arn": aws.build_arn("logs", f"log-group:{name}"), "name": name})


@register_updater("aws:cloudwatch/logGroup:LogGroup")
def update_log_group(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update retention, encryption and tags."""
    client, properties = aws.client("logs"), declared.properties
    if not properties.get("retentionInDays"):
        client.delete_retention_policy(logGroupName=made.id)
    _set_retention(aws, declared, made.id)
    if key := properties.get("kmsKeyId"):
        client.associate_kms_key(logGroupName=made.id, kmsKeyId=key)
    arn = aws.build_arn("logs", f"log-group:{made.id}")
    if removed := find_removed_tags(client.list_tags_for_resource(resourceArn=arn)["tags"], properties):
        client.untag_resource(resourceArn=arn, tagKeys=removed)
    if wanted := read_tags(properties):
        client.tag_resource(resourceArn=arn, tags=wanted)
    return made


def _set_retention(aws: ProviderContext, declared: DeclaredResource, name: str) -> None:
    days = declared.properties.get("retentionInDays")
    if days:
        aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)


@register_reader("aws:cloudwatch/logGroup:LogGroup")
def read_log_group(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties | None:
    """Return the log group without its streams."""
    client = aws.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=made.id):
        for group in page["logGroups"]:
            if group["logGroupName"] == made.id:
                arn = aws.build_arn("logs", f"log-group:{made.id}")
                return {
                    "tags": client.list_tags_for_resource(resourceArn=arn)["tags"],
                    **parse_answer(
                        group,
                        logGroupName="name",
                        logGroupClass="logGroupClass",
                        retentionInDays="retentionInDays",
                        kmsKeyId="kmsKeyId",
                    ),
                }
    return None


@register_deleter("aws:cloudwatch/logGroup:LogGroup")
def delete_log_group(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the log group with its streams."""
    aws.client("logs").delete_log_group(logGroupName=made.id)


@register_creator("aws:cloudwatch/logMetricFilter:LogMetricFilter", repeatable=True)
def create_log_metric_filter(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a metric filter of a log group."""
    properties = declared.properties
    name = declared.get_physical_name()
    aws.client("logs").put_metric_filter(
        logGroupName=properties["logGroupName"],
        filterName=name,
        filterPattern=properties["pattern"],
        metricTransformations=[_build_transformation(read_single_block(properties["metricTransformation"]))],
    )
    return CreatedResource(id=name, outputs={"name": name})


def _build_transformation(transformation: Properties) -> dict[str, Any]:
    described = pick_properties(transformation, **TRANSFORMATION)
    if transformation.get("defaultValue") is not None:
        described["defaultValue"] = float(transformation["defaultValue"])
    return described


@register_reader("aws:cloudwatch/logMetricFilter:LogMetricFilter")
def read_log_metric_filter(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> Properties | None:
    """Return the metric filter."""
    group = declared.properties["logGroupName"]
    answer = aws.client("logs").describe_metric_filters(logGroupName=group, filterNamePrefix=made.id)
    for found in answer["metricFilters"]:
        if found["filterName"] == made.id:
            (transformation,) = found["metricTransformations"]
            return {
                "logGroupName": group,
                "metricTransformation": parse_answer(
                    transformation, defaultValue="defaultValue", **TRANSFORMATION
                ),
                **parse_answer(found, filterName="name", filterPattern="pattern"),
            }
    return None


@register_deleter("aws:cloudwatch/logMetricFilter:LogMetricFilter")
def delete_log_metric_filter(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the filter. The log group remains."""
    aws.client("logs").delete_metric_filter(
        logGroupName=declared.properties["logGroupName"], filterName=made.id
    )
