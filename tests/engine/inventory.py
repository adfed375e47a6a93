"""Everything that exists in the emulator's account, by service."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from local.emulator.emulator import Emulator

REGIONS: Final = ("ap-southeast-1", "us-east-1")


def list_resources(emulator: Emulator) -> dict[str, list[str]]:
    """Return the names of all resources by service and kind, without kinds that have none.

    KMS keys with a scheduled deletion are left out, because KMS does not delete keys immediately. Resources
    that AWS owns, and the hosted zones of the tests, are left out, too.
    """
    found: dict[str, list[str]] = {}
    for region in REGIONS:
        for kind, list_names in _KINDS.items():
            found.setdefault(kind, []).extend(
                list_names(lambda service, r=region: emulator.client(service, r))
            )
    return {kind: sorted(set(names)) for kind, names in found.items() if names}


_Client = Callable[[str], Any]


def _build_name_lister(
    service: str, operation: str, key: str, name: str = ""
) -> Callable[[_Client], list[str]]:
    """Return a function that lists the names in the answer of an operation.

    Args:
        service: Name of the service in boto3.
        operation: Method of the client.
        key: Dotted path of the list in the answer.
        name: Member of each item that contains the item's name. Empty if the items themselves are names.
    """

    def list_names(client: _Client) -> list[str]:
        answer: Any = getattr(client(service), operation)()
        for step in key.split("."):
            answer = (answer or {}).get(step)
        return [item[name] if name else item for item in answer or []]

    return list_names


def _list_keys(client: _Client) -> list[str]:
    kms = client("kms")
    keys = (kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"])
    return [
        key["KeyId"]
        for key in keys
        if key["KeyState"] != "PendingDeletion" and key["KeyManager"] == "CUSTOMER"
    ]


def _list_key_aliases(client: _Client) -> list[str]:
    names = (alias["AliasName"] for alias in client("kms").list_aliases()["Aliases"])
    return [name for name in names if not name.startswith("alias/aws/")]


def _build_custom_policy_lister(operation: str, key: str, config: str) -> Callable[[_Client], list[str]]:
    """Return a function that lists CloudFront policies of the account, without those of AWS."""

    def list_names(client: _Client) -> Iterator[str]:
        answer = getattr(client("cloudfront"), operation)(Type="custom")
        for item in answer[key].get("Items", []):
            policy = next(value for name, value in item.items() if name != "Type")
            yield policy[config]["Name"]

    return lambda client: list(list_names(client))


def _list_user_pools(client: _Client) -> list[str]:
    return [pool["Name"] for pool in client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]]


def _list_customer_policies(client: _Client) -> list[str]:
    return [policy["PolicyName"] for policy in client("iam").list_policies(Scope="Local")["Policies"]]


def _list_dns_records(client: _Client) -> list[str]:
    """Return the records of all zones, without those that Route 53 creates with the zone."""
    route53 = client("route53")
    zones = [zone["Id"] for zone in route53.list_hosted_zones()["HostedZones"]]
    return [
        f"{record['Name']} {record['Type']}"
        for zone in zones
        for record in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        if record["Type"] not in {"NS", "SOA"}
    ]


_KINDS: Final[dict[str, Callable[[_Client], list[str]]]] = {
    "acm certificates": _build_name_lister(
        "acm", "list_certificates", "CertificateSummaryList", "CertificateArn"
    ),
    "api gateway apis": _build_name_lister("apigatewayv2", "get_apis", "Items", "Name"),
    "api gateway domains": _build_name_lister("apigatewayv2", "get_domain_names", "Items", "DomainName"),
    "cloudfront cache policies": _build_custom_policy_lister(
        "list_cache_policies", "CachePolicyList", "CachePolicyConfig"
    ),
    "cloudfront distributions": _build_name_lister(
        "cloudfront", "list_distributions", "DistributionList.Items", "Id"
    ),
    "cloudfront functions": _build_name_lister("cloudfront", "list_functions", "FunctionList.Items", "Name"),
    "cloudfront headers policies": _build_custom_policy_lister(
        "list_response_headers_policies", "ResponseHeadersPolicyList", "ResponseHeadersPolicyConfig"
    ),
    "cloudfront origin access controls": _build_name_lister(
        "cloudfront", "list_origin_access_controls", "OriginAccessControlList.Items", "Name"
    ),
    "cloudfront stores": _build_name_lister(
        "cloudfront", "list_key_value_stores", "KeyValueStoreList.Items", "Name"
    ),
    "cloudwatch alarms": _build_name_lister("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "cloudwatch dashboards": _build_name_lister(
        "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"
    ),
    "codebuild projects": _build_name_lister("codebuild", "list_projects", "projects"),
    "dynamodb tables": _build_name_lister("dynamodb", "list_tables", "TableNames"),
    "eventbridge rules": _build_name_lister("events", "list_rules", "Rules", "Name"),
    "iam policies": _list_customer_policies,
    "iam roles": _build_name_lister("iam", "list_roles", "Roles", "RoleName"),
    "kms aliases": _list_key_aliases,
    "kms keys": _list_keys,
    "lambda event sources": _build_name_lister(
        "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"
    ),
    "lambda functions": _build_name_lister("lambda", "list_functions", "Functions", "FunctionName"),
    "lambda layers": _build_name_lister("lambda", "list_layers", "Layers", "LayerName"),
    "log groups": _build_name_lister("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "metric filters": _build_name_lister("logs", "describe_metric_filters", "metricFilters", "filterName"),
    "records": _list_dns_records,
    "s3 buckets": _build_name_lister("s3", "list_buckets", "Buckets", "Name"),
    "sns subscriptions": _build_name_lister("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    "sns topics": _build_name_lister("sns", "list_topics", "Topics", "TopicArn"),
    "sqs queues": _build_name_lister("sqs", "list_queues", "QueueUrls"),
    "user pools": _list_user_pools,
}
