"""An API answers at its domain name only if a Route 53 record leads from the name to the API (L4)."""

import pytest
import requests

from local.emulator.emulator import Emulator
from tests.local.emulator.test_certificates import ZONE, issue_certificate

NAME = "api.example.com"


@pytest.fixture
def api(emulator: Emulator) -> Emulator:
    """The emulator with an API that has no routes, so that each answer comes from API Gateway itself."""
    emulator.create_hosted_zone(ZONE, "example.com")
    client = emulator.client("apigatewayv2")
    api_id = client.create_api(Name="api", ProtocolType="HTTP")["ApiId"]
    client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    arn = issue_certificate(emulator, NAME, region="ap-southeast-1")
    client.create_domain_name(
        DomainName=NAME, DomainNameConfigurations=[{"CertificateArn": arn, "EndpointType": "REGIONAL"}]
    )
    client.create_api_mapping(DomainName=NAME, ApiId=api_id, Stage="$default")
    return emulator


def request_missing_path(emulator: Emulator, host: str) -> tuple[int, str]:
    answer = requests.get(f"{emulator.endpoint_url}/missing", headers={"host": host}, timeout=10)
    return answer.status_code, answer.json()["message"]


def create_record(emulator: Emulator, **changes: str) -> None:
    (configuration,) = emulator.client("apigatewayv2").get_domain_name(DomainName=NAME)[
        "DomainNameConfigurations"
    ]
    target = {
        "HostedZoneId": configuration["HostedZoneId"],
        "DNSName": configuration["ApiGatewayDomainName"],
        "EvaluateTargetHealth": False,
    }
    record = {"Name": NAME, "Type": "A", "AliasTarget": target, **changes}
    emulator.client("route53").change_resource_record_sets(
        HostedZoneId=ZONE,
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
    )


def test_a_domain_name_is_answered_only_if_a_record_leads_to_the_api(api: Emulator) -> None:
    assert request_missing_path(api, NAME) == (403, "Forbidden")
    create_record(api)
    assert request_missing_path(api, f"{NAME.upper()}:{api.port}") == (404, "Not Found")


def test_the_target_domain_name_has_the_hosted_zone_id_of_its_region(api: Emulator) -> None:
    found = api.client("apigatewayv2").get_domain_name(DomainName=NAME)
    (configuration,) = found["DomainNameConfigurations"]
    assert configuration["HostedZoneId"] == "ZL327KTPIQFUL"


def test_a_domain_name_with_a_record_to_another_host_is_not_answered(api: Emulator) -> None:
    api.client("route53").change_resource_record_sets(
        HostedZoneId=ZONE,
        ChangeBatch={
            "Changes": [
                {
                    "Action": "CREATE",
                    "ResourceRecordSet": {
                        "Name": NAME,
                        "Type": "CNAME",
                        "TTL": 60,
                        "ResourceRecords": [{"Value": "elsewhere.example.org"}],
                    },
                }
            ]
        },
    )
    assert request_missing_path(api, NAME) == (403, "Forbidden")
