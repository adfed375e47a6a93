"""The provider functions that the program calls: they return the account, the region and the partition."""

from local.providers.core.registry import register_provider_function
from local.providers.core.resource import Properties, ProviderContext


@register_provider_function("aws:index/getCallerIdentity:getCallerIdentity")
def get_caller_identity(aws: ProviderContext, _arguments: Properties) -> Properties:
    """Return the account ID and the identity of the administrator."""
    identity = aws.client("sts").get_caller_identity()
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "id": identity["Account"],
        "userId": identity["UserId"],
    }


@register_provider_function("aws:index/getRegion:getRegion")
def get_region(aws: ProviderContext, _arguments: Properties) -> Properties:
    """Return the provider's region."""
    return {"id": aws.region, "name": aws.region, "region": aws.region, "description": aws.region}


@register_provider_function("aws:index/getPartition:getPartition")
def get_partition(_aws: ProviderContext, _arguments: Properties) -> Properties:
    """Return the standard partition, `aws`."""
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }
