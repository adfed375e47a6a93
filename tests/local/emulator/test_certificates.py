"""ACM issues a certificate when its validation records exist (L4, L5).

The aliases of a distribution and the domain names of an API need an issued certificate.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import Emulator

ZONE = "Z0EXAMPLE"
CLOUDFRONT_REGION = "us-east-1"


@pytest.fixture
def zone(emulator: Emulator) -> Emulator:
    emulator.create_hosted_zone(ZONE, "example.com")
    return emulator


def request_certificate(emulator: Emulator, name: str, *others: str, region: str = CLOUDFRONT_REGION) -> str:
    arguments = {"SubjectAlternativeNames": list(others)} if others else {}
    made = emulator.client("acm", region).request_certificate(
        DomainName=name, ValidationMethod="DNS", **arguments
    )
    return str(made["CertificateArn"])


def describe_certificate(emulator: Emulator, arn: str) -> dict[str, Any]:
    region = arn.split(":")[3]
    answer = emulator.client("acm", region).describe_certificate(CertificateArn=arn)
    certificate: dict[str, Any] = answer["Certificate"]
    return certificate


def create_validation_records(emulator: Emulator, arn: str, **changes: str) -> None:
    """Create the validation records of a certificate."""
    for option in describe_certificate(emulator, arn)["DomainValidationOptions"]:
        record = {**option["ResourceRecord"], **changes}
        emulator.client("route53").change_resource_record_sets(
            HostedZoneId=ZONE,
            ChangeBatch={
                "Changes": [
                    {
                        "Action": "UPSERT",
                        "ResourceRecordSet": {
                            "Name": record["Name"],
                            "Type": record["Type"],
                            "TTL": 60,
                            "ResourceRecords": [{"Value": record["Value"]}],
                        },
                    }
                ]
            },
        )


def issue_certificate(emulator: Emulator, name: str, *others: str, region: str = CLOUDFRONT_REGION) -> str:
    arn = request_certificate(emulator, name, *others, region=region)
    create_validation_records(emulator, arn)
    return arn


def make_distribution_config(arn: str | None, *aliases: str, reference: str = "1") -> dict[str, Any]:
    origin = {
        "Id": "o",
        "DomainName": "b.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    certificate = (
        {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only"}
        if arn
        else {"CloudFrontDefaultCertificate": True}
    )
    return {
        "CallerReference": reference,
        "Comment": "",
        "Enabled": True,
        "Aliases": {"Quantity": len(aliases), "Items": list(aliases)},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "o",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        },
        "ViewerCertificate": certificate,
    }


def test_a_certificate_is_issued_when_its_record_exists(zone: Emulator) -> None:
    arn = request_certificate(zone, "www.example.com")
    pending = describe_certificate(zone, arn)
    assert pending["Status"] == "PENDING_VALIDATION"
    assert {"IssuedAt", "NotBefore", "NotAfter"} & pending.keys() == set()
    create_validation_records(zone, arn)
    issued = describe_certificate(zone, arn)
    assert issued["Status"] == "ISSUED"
    assert {"IssuedAt", "NotBefore", "NotAfter"} <= issued.keys()
    assert {option["ValidationStatus"] for option in issued["DomainValidationOptions"]} == {"SUCCESS"}


@pytest.mark.parametrize("changes", [{"Value": "_other.acm-validations.aws."}, {"Name": "_x.example.com."}])
def test_another_record_does_not_validate_a_certificate(zone: Emulator, changes: dict[str, str]) -> None:
    arn = request_certificate(zone, "www.example.com")
    create_validation_records(zone, arn, **changes)
    assert describe_certificate(zone, arn)["Status"] == "PENDING_VALIDATION"


def test_each_name_needs_a_record_and_a_wildcard_shares_the_parents_record(zone: Emulator) -> None:
    arn = request_certificate(zone, "example.com", "*.example.com", "www.example.com")
    records = {
        option["DomainName"]: option["ResourceRecord"]
        for option in describe_certificate(zone, arn)["DomainValidationOptions"]
    }
    assert records["example.com"] == records["*.example.com"] != records["www.example.com"]
    first = request_certificate(zone, "example.com")
    create_validation_records(zone, first)
    assert describe_certificate(zone, first)["Status"] == "ISSUED"
    assert describe_certificate(zone, arn)["Status"] == "PENDING_VALIDATION"
    create_validation_records(zone, arn)
    assert describe_certificate(zone, arn)["Status"] == "ISSUED"


def test_a_certificate_is_issued_at_once_if_its_record_exists_already(zone: Emulator) -> None:
    issue_certificate(zone, "www.example.com")
    assert (
        describe_certificate(zone, request_certificate(zone, "www.example.com", region="ap-southeast-1"))[
            "Status"
        ]
        == "ISSUED"
    )


def test_a_distribution_serves_the_aliases_of_an_issued_certificate(zone: Emulator) -> None:
    arn = issue_certificate(zone, "example.com", "*.example.com")
    client = zone.client("cloudfront")
    made = client.create_distribution(
        DistributionConfig=make_distribution_config(arn, "*.example.com", "a.example.com")
    )
    assert describe_certificate(zone, arn)["InUseBy"] == [made["Distribution"]["ARN"]]


@pytest.mark.parametrize(
    ("names", "aliases", "is_valid", "region", "code"),
    [
        (["a.example.com"], ["a.example.com"], False, CLOUDFRONT_REGION, "InvalidViewerCertificate"),
        (["a.example.com"], ["a.example.com"], True, "ap-southeast-1", "InvalidViewerCertificate"),
        (["a.example.com"], ["b.example.com"], True, CLOUDFRONT_REGION, "InvalidViewerCertificate"),
        (["*.example.com"], ["a.b.example.com"], True, CLOUDFRONT_REGION, "InvalidViewerCertificate"),
        (["*.example.com"], ["taken.example.com"], True, CLOUDFRONT_REGION, "CNAMEAlreadyExists"),
    ],
)
def test_a_distribution_with_an_uncovered_or_taken_alias_is_refused(  # noqa: PLR0913 - the table's columns
    zone: Emulator, *, names: list[str], aliases: list[str], is_valid: bool, region: str, code: str
) -> None:
    client = zone.client("cloudfront")
    taken = issue_certificate(zone, "taken.example.com")
    client.create_distribution(
        DistributionConfig=make_distribution_config(taken, "taken.example.com", reference="taken")
    )
    arn = request_certificate(zone, *names, region=region)
    if is_valid:
        create_validation_records(zone, arn)
    with pytest.raises(ClientError) as refusal:
        client.create_distribution(DistributionConfig=make_distribution_config(arn, *aliases))
    assert refusal.value.response["Error"]["Code"] == code


def test_a_distribution_without_a_certificate_has_no_aliases(zone: Emulator) -> None:
    client = zone.client("cloudfront")
    with pytest.raises(ClientError, match="you must attach a trusted certificate"):
        client.create_distribution(DistributionConfig=make_distribution_config(None, "a.example.com"))
    made = client.create_distribution(DistributionConfig=make_distribution_config(None))
    with pytest.raises(ClientError, match="you must attach a trusted certificate"):
        client.update_distribution(
            Id=made["Distribution"]["Id"],
            IfMatch=made["ETag"],
            DistributionConfig=make_distribution_config(None, "a.example.com"),
        )


def test_a_certificate_in_use_cannot_be_deleted(zone: Emulator) -> None:
    arn = issue_certificate(zone, "a.example.com")
    client = zone.client("cloudfront")
    made = client.create_distribution(DistributionConfig=make_distribution_config(arn, "a.example.com"))
    acm = zone.client("acm", CLOUDFRONT_REGION)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        acm.delete_certificate(CertificateArn=arn)
    disabled = client.update_distribution(
        Id=made["Distribution"]["Id"],
        IfMatch=made["ETag"],
        DistributionConfig={**make_distribution_config(arn, "a.example.com"), "Enabled": False},
    )
    client.delete_distribution(Id=made["Distribution"]["Id"], IfMatch=disabled["ETag"])
    acm.delete_certificate(CertificateArn=arn)


@pytest.mark.parametrize(
    ("name", "is_valid", "region"),
    [
        ("api.example.com", False, "ap-southeast-1"),
        ("api.example.com", True, CLOUDFRONT_REGION),
        ("other.example.com", True, "ap-southeast-1"),
    ],
)
def test_a_domain_name_of_an_api_needs_an_issued_certificate_of_its_region(
    zone: Emulator, *, name: str, is_valid: bool, region: str
) -> None:
    arn = request_certificate(zone, name, region=region)
    if is_valid:
        create_validation_records(zone, arn)
    with pytest.raises(ClientError, match="The provided certificate does not exist"):
        zone.client("apigatewayv2").create_domain_name(
            DomainName="api.example.com",
            DomainNameConfigurations=[{"CertificateArn": arn, "EndpointType": "REGIONAL"}],
        )
