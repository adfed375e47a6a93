"""The hosted zones of a stage, and its addresses on this machine (L4)."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from local.stage import StageAddresses, find_hosted_zones
from tests.components.stages import STAGE_FILES


@pytest.mark.parametrize(
    ("settings", "zones"),
    [
        ({}, {}),
        ({"domain": "localhost"}, {}),
        ({"domain": "sites.example.com", "hostedZoneId": "Z1"}, {"Z1": "sites.example.com"}),
        (
            {
                "domain": "sites.example.com",
                "hostedZoneId": "Z1",
                "images": {"zone": "example.com", "hostedZoneId": "Z1"},
            },
            {"Z1": "example.com"},
        ),
        (
            {
                "domain": "sites.example.com",
                "hostedZoneId": "Z1",
                "images": {"zone": "example.org", "hostedZoneId": "Z2"},
            },
            {"Z1": "sites.example.com", "Z2": "example.org"},
        ),
        (
            {
                "domain": "a.example.com",
                "hostedZoneId": "Z1",
                "images": {"zone": "b.example.com", "hostedZoneId": "Z1"},
            },
            {"Z1": "example.com"},
        ),
    ],
)
def test_a_zone_contains_every_domain_of_its_settings(
    settings: dict[str, Any], zones: dict[str, str]
) -> None:
    assert find_hosted_zones(settings) == zones


def test_production_has_one_zone() -> None:
    document = yaml.safe_load((STAGE_FILES / "Pulumi.production.yaml").read_text())
    assert find_hosted_zones(document["config"]["anchor-deploy:stage"]) == {
        "Z0EXAMPLEPRODUCTION": "example.com"
    }


def test_the_commands_connect_to_the_local_edge() -> None:
    addresses = StageAddresses(edge_port=8080, authority=Path("tls/authority.pem"))
    commands = dict(addresses.list_commands("https://shop.example.com"))
    assert commands["curl"] == (
        "curl --cacert tls/authority.pem --connect-to ::127.0.0.1:8080 https://shop.example.com"
    )
    assert '--host-resolver-rules="MAP * 127.0.0.1:8080" https://shop.example.com' in commands["Chromium"]
