"""StageConfig: allowed settings, and the error messages for all other settings."""

from typing import Any

import pytest

from components.core.errors import ConfigurationError
from components.core.regions import find_region_problem
from components.core.stage import StageConfig
from components.core.stage_names import find_name_problem
from tests.components.recorder import Recorded, record_main_program, record_program
from tests.components.stages import SETTINGS, STAGES


def parse_stage(stage: str = "dev", region: str | None = "ap-southeast-1", **changes: Any) -> StageConfig:  # noqa: ANN401 - any YAML value
    changed = {**SETTINGS, **changes}
    settings = {key: value for key, value in changed.items() if value is not ...}
    return StageConfig.parse(stage, region, settings, allow_placeholders=True)


def make_image_settings(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the settings of the image service with these changes."""
    return {"images": {**SETTINGS["images"], **changes}}


TOO_MANY_ORIGINS = [f"https://a{number}.com" for number in range(21)]


def read_problems(**changes: Any) -> tuple[str, ...]:  # noqa: ANN401
    with pytest.raises(ConfigurationError) as error:
        parse_stage(**changes)
    return error.value.problems


def test_settings_become_a_frozen_typed_stage() -> None:
    stage = parse_stage(
        domain="sites.example.com",
        hostedZoneId="Z1",
        sites=[{"name": "shop", "memory": 2048}, {"name": "docs"}],
        alertEmails=["ops@example.com"],
    )
    assert stage.name == "dev"
    assert stage.prefix == "anchor-dev"
    assert stage.architecture == "arm64"
    assert [(site.name, site.memory) for site in stage.sites] == [("shop", 2048), ("docs", 1024)]
    assert {site.build_compute_type for site in stage.sites} == {"BUILD_GENERAL1_SMALL"}
    assert not any(site.allow_vulnerable_next for site in stage.sites)
    assert stage.site_url == "https://{host}"
    assert stage.alert_emails == ("ops@example.com",)
    assert stage.kept_releases == 10
    assert stage.concurrent_builds == 10
    assert (stage.quotas.projects, stage.quotas.stored_bytes) == (20, 10_240 * 1024 * 1024)
    assert stage.images.cors_origins == ("https://app.example.net",)
    assert stage.images.maximum_bytes == 25 * 1024 * 1024
    with pytest.raises(AttributeError):
        stage.domain = "other.example.com"  # type: ignore[misc]


@pytest.mark.parametrize(("stage", "retains"), [("production", True), ("staging", False), ("dev", False)])
def test_only_production_retains_data(stage: str, *, retains: bool) -> None:
    """Requirement G3."""
    assert parse_stage(stage).retains_data is retains


@pytest.mark.parametrize(
    ("changes", "path", "allowed"),
    [
        ({"architecture": "mips"}, "architecture: 'mips'", "arm64, x86_64"),
        ({"architecture": None}, "architecture: an empty value", "arm64, x86_64"),
        ({"architecture": ...}, "architecture is missing", "arm64, x86_64"),
        ({"pythonRuntime": "python2.7"}, "pythonRuntime: 'python2.7'", "python3.11"),
        ({"pythonRuntime": 3.13}, "pythonRuntime: 3.13", "python3.13"),
        ({"logRetentionDays": 15}, "logRetentionDays: 15", "1, 3, 5, 7, 14, 30"),
        ({"logRetentionDays": True}, "logRetentionDays: True", "1, 3, 5"),
        ({"logRetentionDays": "14"}, "logRetentionDays: '14'", "1, 3, 5"),
        ({"domain": "Sites.Example.com"}, "domain: 'Sites.Example.com'", "lower case"),
        ({"domain": "example..com"}, "domain: 'example..com'", "a host name"),
        ({"domain": 7}, "domain: 7", "a host name"),
        ({"domain": "a.com", "hostedZoneId": "zone"}, "hostedZoneId: 'zone'", "the id of a Route 53"),
        ({"siteUrl": "https://example.com"}, "siteUrl: 'https://example.com'", "{host}"),
        ({"quotas": {"projects": 0}}, "quotas.projects: 0", "from 1 to 500 (projects)"),
        ({"quotas": 20}, "quotas: 20 is not a mapping", "a mapping of projects"),
        ({"sites": []}, "sites: []", "a list of sites"),
        ({"sites": "shop"}, "sites: 'shop'", "a list of sites"),
        ({"sites": ["shop"]}, "sites[0]: 'shop' is not a mapping", "a mapping of name, memory"),
        ({"sites": [{}]}, "sites[0].name is missing", "3 to 28"),
        ({"sites": [{"name": "no"}]}, "sites[0].name: 'no'", "3 to 28"),
        ({"sites": [{"name": "a--b"}]}, "sites[0].name: 'a--b'", "single hyphens"),
        ({"sites": [{"name": "a-site-"}]}, "sites[0].name: 'a-site-'", "does not end with a hyphen"),
        ({"sites": [{"name": "x" * 29}]}, "sites[0].name", "3 to 28"),
        ({"sites": [{"name": "shop", "memory": 64}]}, "sites[0].memory: 64", "from 128 to 10240 (MB)"),
        ({"sites": [{"name": "shop", "memory": True}]}, "sites[0].memory: True", "a whole number"),
        ({"sites": [{"name": "shop", "size": 1}]}, "sites[0].size is unknown", "name, memory"),
        (
            {"sites": [{"name": "shop", "buildComputeType": "BUILD_LAMBDA_1GB"}]},
            "sites[0].buildComputeType: 'BUILD_LAMBDA_1GB'",
            "BUILD_GENERAL1_SMALL, BUILD_GENERAL1_MEDIUM",
        ),
        (
            {"sites": [{"name": "shop", "allowVulnerableNext": "true"}]},
            "sites[0].allowVulnerableNext: 'true' is not valid (write it without quotes)",
            "true, false",
        ),
        (
            {"sites": [{"name": "shop", "allowVulnerableNext": 1}]},
            "sites[0].allowVulnerableNext: 1",
            "true, false",
        ),
        ({"domain": "10.0.0.1"}, "domain: '10.0.0.1'", "a host name"),
        ({"siteUrl": "https://{host}:99999"}, "siteUrl: 'https://{host}:99999'", "{host}"),
        ({"alertEmails": "ops@example.com"}, "alertEmails: 'ops@example.com'", "a list of 1 to 20"),
        ({"alertEmails": []}, "alertEmails: []", "a list of 1 to 20"),
        ({"alertEmails": ["ops"]}, "alertEmails[0]: 'ops'", "an e-mail address"),
        ({"alertEmails": ["a@b.co", "a@b.co"]}, "alertEmails[1]: 'a@b.co' is repeated", "each entry once"),
        ({"concurrentBuilds": 0}, "concurrentBuilds: 0", "from 1 to 500 (builds)"),
        ({"keptReleases": 2}, "keptReleases: 2", "from 3 to 100 (releases)"),
        ({"keptReleases": 101}, "keptReleases: 101", "from 3 to 100 (releases)"),
        ({"images": ...}, "images is missing", "a mapping with corsOrigins"),
        ({"images": None}, "images: an empty value", "a mapping of corsOrigins"),
        ({"images": {}}, "images.corsOrigins is missing", "a list of 1 to 20"),
        (make_image_settings(corsOrigins=[]), "images.corsOrigins: []", "a list of 1 to 20"),
        (
            make_image_settings(corsOrigins=TOO_MANY_ORIGINS),
            "images.corsOrigins: ['https://a0",
            "a list of 1 to 20",
        ),
        (make_image_settings(corsOrigins=["*"]), "images.corsOrigins[0]: '*'", "or *"),
        (
            make_image_settings(corsOrigins=["https://*.a.com"]),
            "images.corsOrigins[0]: 'https://*.a.com'",
            "or *",
        ),
        (
            make_image_settings(corsOrigins=["https://a.com/"]),
            "images.corsOrigins[0]: 'https://a.com/'",
            "a path",
        ),
        (
            make_image_settings(corsOrigins=["https://a.com:443"]),
            "images.corsOrigins[0]",
            "without the default port",
        ),
        (
            make_image_settings(corsOrigins=["http://a.com"]),
            "images.corsOrigins[0]: 'http://a.com'",
            "https://host",
        ),
        (make_image_settings(corsOrigins=["https://a.com", 7]), "images.corsOrigins[1]: 7", "https://host"),
        (make_image_settings(zone="example"), "images.zone: 'example'", "a domain"),
        (make_image_settings(maximumMegabytes=101), "images.maximumMegabytes: 101", "from 1 to 100 (MB)"),
        (
            make_image_settings(size=1),
            "images.size is unknown",
            "corsOrigins, zone, hostedZoneId, maximumMegabytes",
        ),
        ({"colour": "red"}, "colour is unknown", "domain, hostedZoneId"),
        ({"site_url": "https://{host}"}, "site_url is unknown", "siteUrl"),
    ],
)
def test_the_error_names_a_wrong_setting_and_its_allowed_values(
    changes: dict[str, Any], path: str, allowed: str
) -> None:
    """Requirement G4."""
    (problem,) = read_problems(**changes)
    assert problem.startswith(f"anchor-deploy:stage.{path}")
    assert allowed in problem.split("allowed: ")[1]


@pytest.mark.parametrize(
    ("changes", "setting", "allowed"),
    [
        ({"hostedZoneId": "Z123"}, "hostedZoneId is set without", "both"),
        ({"domain": "a.com"}, "domain is set without anchor-deploy:stage.hostedZoneId", "both"),
        ({"domain": "localhost", "hostedZoneId": "Z1"}, "domain is 'localhost'", "two labels"),
        ({"domain": f"{'a' * 61}.com", "hostedZoneId": "Z1"}, f"domain is '{'a' * 61}.com'", "64"),
        (make_image_settings(zone="a.com"), "images.zone is set without", "both"),
        (make_image_settings(hostedZoneId="Z1"), "images.hostedZoneId is set without", "both"),
        (make_image_settings(zone=f"{'a' * 61}.com", hostedZoneId="Z1"), "images.zone is 'aaa", "64"),
        (
            {
                "domain": "a.com",
                "hostedZoneId": "Z1",
                "sites": [{"name": "docs"}, {"name": "images-dev"}],
                **make_image_settings(zone="a.com", hostedZoneId="Z1"),
            },
            "sites[1].name is 'images-dev', but images-dev.a.com is a host of the image service",
            "another site name",
        ),
        ({"sites": [{"name": "shop"}, {"name": "docs"}]}, "sites has 2 sites", "one site, or a domain"),
        ({"siteUrl": "http://{host}"}, "siteUrl is 'http://{host}'", "https"),
        ({"siteUrl": "https://{host}:8443"}, "siteUrl is 'https://{host}:8443'", "on port 443 only"),
        (
            {"domain": "a.com", "hostedZoneId": "Z1", "sites": [{"name": "shop"}, {"name": "shop"}]},
            "sites[1].name is 'shop', which another site has",
            "a unique name",
        ),
    ],
)
def test_the_error_names_contradictory_settings(changes: dict[str, Any], setting: str, allowed: str) -> None:
    """Requirement G4."""
    (problem,) = read_problems(**changes)
    assert problem.startswith(f"anchor-deploy:stage.{setting}")
    assert allowed in problem.split("allowed: ")[1]


def test_production_allows_only_https_origins() -> None:
    """Requirements G4 and I1."""
    origins = make_image_settings(corsOrigins=["https://app.example.net", "http://localhost:3000"])
    assert parse_stage("dev", **origins).images.cors_origins[1] == "http://localhost:3000"
    (problem,) = read_problems(stage="production", **origins)
    assert problem == (
        "anchor-deploy:stage.images.corsOrigins[1] is 'http://localhost:3000'; allowed: only https origins "
        "in production"
    )


def test_the_local_stage_has_no_zone_for_images() -> None:
    """Requirement G4."""
    (problem,) = read_problems(stage="local", **make_image_settings(zone="a.com", hostedZoneId="Z1"))
    assert problem.startswith(
        "anchor-deploy:stage.images.zone is set, but the local stage has no certificate"
    )


@pytest.mark.parametrize(
    ("stage", "hosts"),
    [
        ("production", ("images.example.com", "images-cdn.example.com")),
        ("staging", ("images-staging.example.com", "images-cdn-staging.example.com")),
    ],
)
def test_the_image_hosts_contain_the_stage_except_in_production(stage: str, hosts: tuple[str, str]) -> None:
    """Requirements I1 and I3."""
    assert (
        parse_stage(stage, **make_image_settings(zone="example.com", hostedZoneId="Z1")).image_hosts == hosts
    )
    assert parse_stage(stage).image_hosts is None


def test_one_error_names_every_wrong_setting() -> None:
    """Requirement G4."""
    found = read_problems(
        region="us-east1", architecture="mips", sites=[{"name": "ok-site", "memory": 1}, {}]
    )
    assert [problem.split(" ")[0].rstrip(":") for problem in found] == [
        "aws:region",
        "anchor-deploy:stage.architecture",
        "anchor-deploy:stage.sites[0].memory",
        "anchor-deploy:stage.sites[1].name",
    ]


def test_the_region_is_that_of_the_settings() -> None:
    """Requirement G2."""
    assert parse_stage(region="eu-central-1").region == "eu-central-1"
    (problem,) = read_problems(region="eu-central1")
    assert problem == find_region_problem("eu-central1")


@pytest.mark.parametrize("kind", STAGES)
def test_the_name_of_a_stage_is_its_kind_by_default(kind: str) -> None:
    """Requirement G1."""
    assert parse_stage(kind).kind == kind
    named = parse_stage("alice", kind=kind)
    assert (named.name, named.kind, named.prefix) == ("alice", kind, "anchor-alice")


def test_a_stage_with_a_free_name_needs_a_kind() -> None:
    """Requirement G1."""
    (problem,) = read_problems(stage="alice")
    assert problem == (
        "anchor-deploy:stage.kind is missing, and the name of the stack, 'alice', is not a kind; "
        "allowed: local, dev, staging, production"
    )
    assert read_problems(stage="Alice", kind="dev") == (find_name_problem("Alice"),)


def test_the_kind_decides_the_rules_of_a_stage() -> None:
    """G1, G3: the name `production` alone protects nothing if the settings have another kind."""
    origins = make_image_settings(corsOrigins=["http://localhost:3000"])
    assert parse_stage("production", kind="dev", **origins).retains_data is False
    (problem,) = read_problems(stage="eu-production", kind="production", **origins)
    assert problem.endswith("allowed: only https origins in production")
    assert parse_stage("alice", kind="local", siteUrl="http://{host}:8080").site_url == "http://{host}:8080"


def test_the_names_of_the_stage_and_a_site_have_a_common_limit() -> None:
    """Requirement G1."""
    fits, too_long = [{"name": "s" * 16}], [{"name": "s" * 17}]
    assert parse_stage("a" * 24, kind="dev", sites=fits).sites[0].name == "s" * 16
    (problem,) = read_problems(stage="a" * 24, kind="dev", sites=too_long)
    assert problem.startswith("anchor-deploy:stage.sites[0].name has 17 characters")
    assert "allowed: at most 16 characters" in problem


def test_the_id_of_a_zone_can_have_the_prefix_of_route_53() -> None:
    """Requirement G4."""
    stage = parse_stage(domain="sites.example.com", hostedZoneId="/hostedzone/Z0123")
    assert stage.hosted_zone_id == "Z0123"
    (problem,) = read_problems(domain="sites.example.com", hostedZoneId="hostedzone/Z0123")
    assert problem.startswith("anchor-deploy:stage.hostedZoneId: 'hostedzone/Z0123' is not valid")


def test_the_local_stage_may_use_http() -> None:
    """Requirement D8."""
    assert parse_stage("local", siteUrl="http://{host}:8080").site_url == "http://{host}:8080"


def test_the_message_names_the_file_and_has_one_line_per_problem() -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_stage("staging", architecture="mips", pythonRuntime="ruby")
    first, *rest = str(error.value).splitlines()
    assert first == "Pulumi.staging.yaml cannot be deployed:"
    assert len(rest) == len(error.value.problems) == 2


@pytest.mark.parametrize("config", [{}, {"anchor-deploy:stage": "dev"}, {"anchor-deploy:stage": "[1]"}])
def test_settings_that_are_not_a_mapping_are_refused(config: dict[str, str]) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"anchor-deploy:stage: .* is not a mapping; allowed: a mapping of kind, domain",
    ):
        record_program(StageConfig.load, "dev", {"aws:region": "ap-southeast-1", **config})


def test_wrong_settings_stop_the_program_before_the_first_resource() -> None:
    """Requirement G4."""
    registered: list[Recorded] = []
    with pytest.raises(ConfigurationError, match="architecture"):
        record_main_program("dev", {"architecture": "mips"}, registered=registered)
    assert registered == []
