"""Route 53 records are checked as in AWS. They decide to which target a host leads (L4)."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import Emulator

ZONE = "Z0EXAMPLE"


@pytest.fixture
def zone(emulator: Emulator) -> Emulator:
    emulator.create_hosted_zone(ZONE, "example.com")
    return emulator


def change_record(emulator: Emulator, action: str = "CREATE", **record: Any) -> None:  # noqa: ANN401 - AWS's arguments
    emulator.client("route53").change_resource_record_sets(
        HostedZoneId=ZONE, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    )


def create_record(emulator: Emulator, name: str, kind: str, value: str) -> None:
    change_record(emulator, Name=name, Type=kind, TTL=60, ResourceRecords=[{"Value": value}])


def make_alias_target(zone_id: str, name: str) -> dict[str, Any]:
    return {"HostedZoneId": zone_id, "DNSName": name, "EvaluateTargetHealth": False}


def create_distribution(emulator: Emulator) -> str:
    origin = {
        "Id": "o",
        "DomainName": "b.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    made = emulator.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "1",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "o",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    )
    return str(made["Distribution"]["DomainName"])


def test_a_created_hosted_zone_has_the_passed_id_and_name(zone: Emulator) -> None:
    found = zone.client("route53").get_hosted_zone(Id=ZONE)["HostedZone"]
    assert (found["Id"], found["Name"]) == (f"/hostedzone/{ZONE}", "example.com.")


def test_a_host_leads_to_the_distribution_of_its_alias_record(zone: Emulator) -> None:
    domain = create_distribution(zone)
    change_record(
        zone, Name="cdn.example.com", Type="A", AliasTarget=make_alias_target("Z2FDTNDATAQYW2", domain)
    )
    assert zone.resolve_host("CDN.example.com.") == domain
    assert zone.resolve_host("other.example.com") is None
    assert zone.resolve_host("example.org") is None


def test_cname_records_are_followed(zone: Emulator) -> None:
    create_record(zone, "www.example.com", "CNAME", "site.example.com")
    create_record(zone, "site.example.com", "CNAME", "elsewhere.example.org.")
    assert zone.resolve_host("www.example.com") == "elsewhere.example.org"


def test_the_resolution_of_circular_cname_records_ends(zone: Emulator) -> None:
    create_record(zone, "a.example.com", "CNAME", "b.example.com")
    create_record(zone, "b.example.com", "CNAME", "a.example.com")
    assert zone.resolve_host("a.example.com") in {"a.example.com", "b.example.com"}


def test_a_wildcard_record_covers_the_names_that_do_not_exist(zone: Emulator) -> None:
    """RFC 4592: the wildcard does not cover a name with a record of any type, or names below that name."""
    create_record(zone, "*.sites.example.com", "CNAME", "all.example.org")
    create_record(zone, "shop.sites.example.com", "CNAME", "shop.example.org")
    create_record(zone, "docs.sites.example.com", "TXT", '"a note"')
    assert zone.resolve_host("blog.sites.example.com") == "all.example.org"
    assert zone.resolve_host("a.blog.sites.example.com") == "all.example.org"
    assert zone.resolve_host("shop.sites.example.com") == "shop.example.org"
    assert zone.resolve_host("docs.sites.example.com") is None
    assert zone.resolve_host("a.shop.sites.example.com") is None
    assert zone.resolve_host("sites.example.com") is None


def test_the_wildcard_may_be_written_as_an_octal_escape(zone: Emulator) -> None:
    create_record(zone, "\\052.sites.example.com", "CNAME", "all.example.org")
    assert zone.resolve_host("blog.sites.example.com") == "all.example.org"


def test_only_the_zone_with_the_longest_name_resolves_a_host(zone: Emulator) -> None:
    zone.create_hosted_zone("Z0DELEGATED", "sites.example.com")
    create_record(zone, "shop.sites.example.com", "CNAME", "parent.example.org")
    assert zone.resolve_host("shop.sites.example.com") is None


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (
            {"Name": "www.example.org", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]},
            "RRSet with DNS name www.example.org. is not permitted in zone example.com.",
        ),
        (
            {"Name": "old.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]},
            "a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.com.",
        ),
        (
            {"Name": "old.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "b.org"}]},
            "but it already exists",
        ),
        (
            {
                "Name": "cdn.example.com",
                "Type": "A",
                "AliasTarget": make_alias_target(ZONE, "d1.cloudfront.net"),
            },
            "but the alias target name does not lie within the target zone",
        ),
        (
            {
                "Name": "cdn.example.com",
                "Type": "A",
                "AliasTarget": make_alias_target(ZONE, "no.example.com"),
            },
            "but that target was not found",
        ),
        (
            {
                "Name": "cdn.example.com",
                "Type": "A",
                "AliasTarget": make_alias_target("Z2FDTNDATAQYW2", "d0.cloudfront.net"),
            },
            "but that target was not found",
        ),
    ],
)
def test_a_record_that_route_53_refuses_is_refused(
    zone: Emulator, record: dict[str, Any], problem: str
) -> None:
    """Requirement L5."""
    create_record(zone, "old.example.com", "CNAME", "a.example.org")
    with pytest.raises(ClientError) as refusal:
        change_record(zone, **record)
    error = refusal.value.response["Error"]
    assert error["Code"] == "InvalidChangeBatch"
    assert problem in error["Message"]


def test_one_batch_can_replace_a_cname_with_a_record_of_another_type(zone: Emulator) -> None:
    """The AWS provider sends such a batch if the type of a record changes."""
    create_record(zone, "www.example.com", "CNAME", "a.example.org")
    old, new = (
        {"Name": "www.example.com", "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
        for kind, value in (("CNAME", "a.example.org"), ("TXT", '"a note"'))
    )
    changes = [
        {"Action": "DELETE", "ResourceRecordSet": old},
        {"Action": "CREATE", "ResourceRecordSet": new},
    ]
    client = zone.client("route53")
    client.change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch={"Changes": changes})
    records = client.list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]
    assert [each["Type"] for each in records if each["Name"] == "www.example.com."] == ["TXT"]


def test_a_cname_is_refused_beside_other_records(zone: Emulator) -> None:
    """Requirement L5."""
    create_record(zone, "www.example.com", "TXT", '"a note"')
    with pytest.raises(ClientError, match="conflicts with other records"):
        create_record(zone, "www.example.com", "CNAME", "a.example.org")
