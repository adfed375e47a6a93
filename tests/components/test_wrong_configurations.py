"""Wrong settings stop the real program with one message, before its first resource.

`test_stage.py` tests the rule of each setting. These tests run the whole program.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import field, frozen

from components.core.errors import ConfigurationError
from tests.components.recorder import Recorded, read_configuration, record_program, run_main

SETTING = "anchor-deploy:stage"
ORIGINS = ["https://app.example.net"]
ZONE = "Z0EXAMPLEPRODUCTION"


@frozen(kw_only=True)
class WrongConfiguration:
    """One wrong configuration.

    Attributes:
        names: Setting that the message must name, as in the file.
        says: Another text that the message must contain.
        stage: Stage whose file is changed.
        settings: Replacements of settings. `...` removes a setting.
        config: Replacements of whole entries of the file. `...` removes an entry.
        stack: Name of the stack, if it is not the name of the stage.
    """

    names: str
    says: str
    stage: str = "production"
    settings: Mapping[str, Any] = field(factory=dict)
    config: Mapping[str, Any] = field(factory=dict)
    stack: str | None = None


def make_image_settings(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any YAML value
    """Return production's settings of the image service with these changes. `...` removes a setting."""
    changed = {**read_configuration("production")[SETTING]["images"], **settings}
    return {"images": {key: value for key, value in changed.items() if value is not ...}}


def make_site_settings(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Return the settings of one site."""
    return {"sites": [{"name": "shop", **settings}]}


WRONG = {
    "an unknown setting": WrongConfiguration(names="colour", says="is unknown", settings={"colour": "red"}),
    "a setting in snake case": WrongConfiguration(
        names="log_retention_days", says="logRetentionDays", settings={"log_retention_days": 30}
    ),
    "an unknown setting of a site": WrongConfiguration(
        names="sites[0].cpu", says="is unknown", settings=make_site_settings(cpu=2)
    ),
    "an unknown setting of images": WrongConfiguration(
        names="images.bucket", says="is unknown", settings=make_image_settings(bucket="a")
    ),
    "a missing setting": WrongConfiguration(
        names="architecture", says="is missing", settings={"architecture": ...}
    ),
    "a missing setting of images": WrongConfiguration(
        names="images.corsOrigins", says="is missing", settings=make_image_settings(corsOrigins=...)
    ),
    "an empty setting": WrongConfiguration(
        names="pythonRuntime", says="an empty value", settings={"pythonRuntime": None}
    ),
    "text for a number": WrongConfiguration(
        names="sites[0].memory", says="'1024'", settings=make_site_settings(memory="1024")
    ),
    "a number for text": WrongConfiguration(names="domain", says="7", settings={"domain": 7}),
    "yes for a number": WrongConfiguration(
        names="logRetentionDays", says="True", settings={"logRetentionDays": True}
    ),
    "text for a list": WrongConfiguration(
        names="sites", says="is not a non-empty list", settings={"sites": "shop"}
    ),
    "no sites": WrongConfiguration(names="sites", says="is not a non-empty list", settings={"sites": []}),
    "text for a mapping": WrongConfiguration(
        names="images", says="a mapping", settings={"images": "example.com"}
    ),
    "an invalid memory size": WrongConfiguration(
        names="sites[0].memory", says="from 128 to 10240", settings=make_site_settings(memory=20480)
    ),
    "an invalid retention period": WrongConfiguration(
        names="logRetentionDays", says="3653", settings={"logRetentionDays": 4000}
    ),
    "an invalid CPU architecture": WrongConfiguration(
        names="architecture", says="arm64, x86_64", settings={"architecture": "riscv"}
    ),
    "a site twice": WrongConfiguration(
        names="sites[1].name",
        says="'shop', which another site has",
        settings={"sites": [{"name": "shop"}, {"name": "shop"}]},
    ),
    "a site's name that is no host label": WrongConfiguration(
        names="sites[0].name", says="single hyphens", settings=make_site_settings(name="my--shop")
    ),
    "an invalid domain": WrongConfiguration(
        names="domain", says="a host name", settings={"domain": "sites.example..com"}
    ),
    "an invalid zone id": WrongConfiguration(
        names="hostedZoneId", says="Route 53", settings={"hostedZoneId": "example.com"}
    ),
    "a domain without its zone": WrongConfiguration(
        names="domain", says="hostedZoneId", settings={"hostedZoneId": ...}
    ),
    "two sites on one host": WrongConfiguration(
        names="sites",
        says="one site, or a domain",
        stage="dev",
        settings={"sites": [{"name": "shop"}, {"name": "docs"}]},
    ),
    "sites over http": WrongConfiguration(
        names="siteUrl", says="https", settings={"siteUrl": "http://{host}"}
    ),
    "all origins in production": WrongConfiguration(
        names="images.corsOrigins[0]", says="'*'", settings=make_image_settings(corsOrigins=["*"])
    ),
    "all origins of a domain": WrongConfiguration(
        names="images.corsOrigins[1]",
        says="'https://*.example.com'",
        settings=make_image_settings(corsOrigins=[*ORIGINS, "https://*.example.com"]),
    ),
    "all origins in dev": WrongConfiguration(
        names="images.corsOrigins[0]",
        says="'*'",
        stage="dev",
        settings=make_image_settings(corsOrigins=["*"]),
    ),
    "an http origin in production": WrongConfiguration(
        names="images.corsOrigins[0]",
        says="only https origins",
        settings=make_image_settings(corsOrigins=["http://localhost:3000"]),
    ),
    "an http origin in dev": WrongConfiguration(
        names="images.corsOrigins[0]",
        says="'http://app.example.net'",
        stage="dev",
        settings=make_image_settings(corsOrigins=["http://app.example.net"], zone=..., hostedZoneId=...),
    ),
    "no origin": WrongConfiguration(
        names="images.corsOrigins", says="[]", settings=make_image_settings(corsOrigins=[])
    ),
    "images that are too large": WrongConfiguration(
        names="images.maximumMegabytes",
        says="from 1 to 100",
        settings=make_image_settings(maximumMegabytes=101),
    ),
    "a zone of images without its id": WrongConfiguration(
        names="images.zone", says="hostedZoneId", settings=make_image_settings(hostedZoneId=...)
    ),
    "an id of images without its zone": WrongConfiguration(
        names="images.hostedZoneId", says="zone", settings=make_image_settings(zone=...)
    ),
    "an invalid mail address": WrongConfiguration(
        names="alertEmails[1]", says="'ops'", settings={"alertEmails": ["ops@example.com", "ops"]}
    ),
    "another region": WrongConfiguration(
        names="aws:region", says="did you mean 'eu-central-1'?", config={"aws:region": "eu-central1"}
    ),
    "no region": WrongConfiguration(names="aws:region", says="is missing", config={"aws:region": ...}),
    "a stack without a kind": WrongConfiguration(names="kind", says="'prod', is not a kind", stack="prod"),
    "a stack with a wrong name": WrongConfiguration(
        names="the stack 'Prod'", says="a-z", stack="Prod", settings={"kind": "production"}
    ),
    "no settings at all": WrongConfiguration(names=SETTING, says="is not a mapping", config={SETTING: ...}),
}


def run_program(wrong: WrongConfiguration, registered: list[Recorded]) -> None:
    """Run `__main__.py` with the changed configuration file of a stage."""
    config = read_configuration(wrong.stage)
    settings = {**config[SETTING], **wrong.settings}
    config[SETTING] = {key: value for key, value in settings.items() if value is not ...}
    changed = {key: value for key, value in {**config, **wrong.config}.items() if value is not ...}
    record_program(run_main, wrong.stack or wrong.stage, changed, registered)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_configuration_stops_with_one_message_that_names_the_setting(
    wrong: WrongConfiguration,
) -> None:
    """Requirement G4."""
    registered: list[Recorded] = []
    with pytest.raises(ConfigurationError) as error:
        run_program(wrong, registered)
    first, problem, *more = str(error.value).splitlines()
    assert first == f"Pulumi.{wrong.stack or wrong.stage}.yaml cannot be deployed:"
    assert more == []
    own = wrong.names.startswith((SETTING, "aws:", "the stack"))
    named = wrong.names if own else f"{SETTING}.{wrong.names}"
    assert problem.startswith(f"  - {named}")
    # Search for the complete name, because `domain` must not match `domainName`.
    assert not problem.removeprefix(f"  - {named}")[0].isalnum()
    assert wrong.says in problem
    assert "allowed: " in problem
    assert registered == []


def test_two_wrong_settings_are_reported_together() -> None:
    """With one error for each setting, the user would have to run the program once for each mistake."""
    with pytest.raises(ConfigurationError) as error:
        run_program(WrongConfiguration(names="", says="", settings={"colour": "red", "size": 2}), [])
    assert [problem.split(" ")[0] for problem in error.value.problems] == [
        f"{SETTING}.colour",
        f"{SETTING}.size",
    ]


def test_at_least_twenty_wrong_configurations_are_tested() -> None:
    assert len(WRONG) >= 20
