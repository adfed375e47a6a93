"""Route 53."""

from typing import Final

from policies.arguments.checks import check_not_empty, follows_model, has_item_count, has_length, is_in_enum
from policies.arguments.relations import allow_at_most_one, require_exactly_one, require_when_set
from policies.arguments.resource_type import ResourceType

TYPES: Final = (
    ResourceType(
        type="aws:route53/record:Record",
        source="route53/record.go",
        arguments={
            "aliases": (has_item_count(0, 1),),
            "aliases[].evaluateTargetHealth": (),
            "aliases[].name": (has_length(1, 1024),),
            "aliases[].zoneId": (has_length(1, 32),),
            "allowOverwrite": (),
            "name": (follows_model("route53.DNSName"),),
            "records[]": (follows_model("route53.RData"),),
            "ttl": (follows_model("route53.TTL"),),
            "type": (is_in_enum("route53.RRType"),),
            "zoneId": (check_not_empty, follows_model("route53.ResourceId")),
        },
        relations=(
            require_exactly_one("aliases", "records"),
            allow_at_most_one("aliases", "ttl"),
            require_when_set("ttl", "records"),
        ),
        name=None,
    ),
)
