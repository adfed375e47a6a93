"""Converts lists and tags to and from the form of CloudFront's API."""

from typing import Any

from local.providers.core.resource import (
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    find_removed_tags,
    parse_tag_list,
)


def make_counted_list(values: list[Any] | None) -> dict[str, Any]:
    """Return a list in the form of CloudFront's API, with its quantity."""
    return {"Quantity": len(values), "Items": values} if values else {"Quantity": 0}


def parse_list(values: Properties | None) -> list[Any]:
    """Return the items of a list in the form of CloudFront's API."""
    return (values or {}).get("Items") or []


def build_tags(declared: DeclaredResource) -> dict[str, Any]:
    """Return the argument `Tags` of a call that creates a resource, if tags are declared."""
    tags = build_tag_list(declared.properties)
    return {"Tags": {"Items": tags}} if tags else {}


def read_cloudfront_tags(aws: ProviderContext, arn: str) -> dict[str, str]:
    """Return the tags of a distribution, function or KeyValueStore."""
    answer = aws.client("cloudfront").list_tags_for_resource(Resource=arn)
    return parse_tag_list(parse_list(answer["Tags"]))


def update_cloudfront_tags(aws: ProviderContext, arn: str, properties: Properties) -> None:
    """Set the tags of a distribution, function or KeyValueStore."""
    client = aws.client("cloudfront")
    if removed := find_removed_tags(read_cloudfront_tags(aws, arn), properties):
        client.untag_resource(Resource=arn, TagKeys={"Items": removed})
    if wanted := build_tag_list(properties):
        client.tag_resource(Resource=arn, Tags={"Items": wanted})
