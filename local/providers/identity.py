"""What the program asks about where it runs: account, region, partition."""

from local.providers.core.registry import invokes
from local.providers.core.resource import Aws, Properties


@invokes("aws:index/getCallerIdentity:getCallerIdentity")
def caller_identity(aws: Aws, _arguments: Properties) -> Properties:
    """The account's administrator."""
    identity = aws.client("sts").get_caller_identity()
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "id": identity["Account"],
        "userId": identity["UserId"],
    }


@invokes("aws:index/getRegion:getRegion")
def region(aws: Aws, _arguments: Properties) -> Properties:
    """The provider's region."""
    return {"id": aws.region, "name": aws.region, "region": aws.region, "description": aws.region}


@invokes("aws:index/getPartition:getPartition")
def partition(_aws: Aws, _arguments: Properties) -> Properties:
    """The commercial partition."""
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }
