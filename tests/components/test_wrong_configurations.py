"""Wrong settings stop the real program, with one message and before its first resource (G4, issue 3).

`test_stage.py` has what each setting may be; here is what `pulumi up` does with some that are wrong.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import field, frozen

from components.core.errors import ConfigurationError
from tests.components.recorder import Recorded, configuration, record_program, run_main

SETTING = "anchor-deploy:stage"
ORIGINS = ["https://app.example.com"]
ZONE = "Z0EXAMPLEPRODUCTION"


@frozen(kw_only=True)
class Wrong:
    """One wrong configuration.

    Attributes:
        names: The setting that the message names, as it stands in the file.
        says: What else the message says.
        stage: Whose file is changed.
        settings: Replaces settings of the file; `...` takes one out.
        config: Replaces whole entries of the file, likewise.
        stack: The stack's name, when it is not the stage's.
    """

    names: str
    says: str
    stage: str = "production"
    settings: Mapping[str, Any] = field(factory=dict)
    config: Mapping[str, Any] = field(factory=dict)
    stack: str | None = None


def images(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever YAML can say
    """The settings of the image service, changed."""
    changed = {**configuration("production")[SETTING]["images"], **settings}
    return {"images": {key: value for key, value in changed.items() if value is not ...}}


def site(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """One site."""
    return {"sites": [{"name": "shop", **settings}]}


WRONG = {
    "an unknown setting": Wrong(names="colour", says="is unknown", settings={"colour": "red"}),
    "a setting spelled otherwise": Wrong(
        names="log_retention_days", says="logRetentionDays", settings={"log_retention_days": 30}
    ),
    "an unknown setting of a site": Wrong(names="sites[0].cpu", says="is unknown", settings=site(cpu=2)),
    "an unknown setting of images": Wrong(
        names="images.bucket", says="is unknown", settings=images(bucket="a")
    ),
    "a missing setting": Wrong(names="architecture", says="is missing", settings={"architecture": ...}),
    "a missing setting of images": Wrong(
        names="images.corsOrigins", says="is missing", settings=images(corsOrigins=...)
    ),
    "an empty setting": Wrong(names="pythonRuntime", says="an empty value", settings={"pythonRuntime": None}),
    "text for a number": Wrong(names="sites[0].memory", says="'1024'", settings=site(memory="1024")),
    "a number for text": Wrong(names="domain", says="7", settings={"domain": 7}),
    "yes for a number": Wrong(names="logRetentionDays", says="True", settings={"logRetentionDays": True}),
    "one for a list": Wrong(names="sites", says="is not a list", settings={"sites": "shop"}),
    "no sites": Wrong(names="sites", says="is not a list", settings={"sites": []}),
    "text for a mapping": Wrong(names="images", says="a mapping", settings={"images": "example.com"}),
    "memory that Lambda has not": Wrong(
        names="sites[0].memory", says="from 128 to 10240", settings=site(memory=20480)
    ),
    "a retention that CloudWatch has not": Wrong(
        names="logRetentionDays", says="3653", settings={"logRetentionDays": 4000}
    ),
    "a CPU that Lambda has not": Wrong(
        names="architecture", says="arm64, x86_64", settings={"architecture": "riscv"}
    ),
    "a site twice": Wrong(
        names="sites[1].name", says="'shop' again", settings={"sites": [{"name": "shop"}, {"name": "shop"}]}
    ),
    "a site's name that is no host": Wrong(
        names="sites[0].name", says="single hyphens", settings=site(name="my--shop")
    ),
    "a domain that is none": Wrong(
        names="domain", says="a host name", settings={"domain": "sites.example..com"}
    ),
    "a zone's id that is none": Wrong(
        names="hostedZoneId", says="Route 53", settings={"hostedZoneId": "example.com"}
    ),
    "a domain without its zone": Wrong(names="domain", says="hostedZoneId", settings={"hostedZoneId": ...}),
    "two sites on one host": Wrong(
        names="sites",
        says="one site, or a domain",
        stage="dev",
        settings={"sites": [{"name": "shop"}, {"name": "docs"}]},
    ),
    "sites over http": Wrong(names="siteUrl", says="https", settings={"siteUrl": "http://{host}"}),
    "every page in production": Wrong(
        names="images.corsOrigins[0]", says="'*'", settings=images(corsOrigins=["*"])
    ),
    "every page of a domain": Wrong(
        names="images.corsOrigins[1]",
        says="'https://*.example.com'",
        settings=images(corsOrigins=[*ORIGINS, "https://*.example.com"]),
    ),
    "every page elsewhere": Wrong(
        names="images.corsOrigins[0]", says="'*'", stage="dev", settings=images(corsOrigins=["*"])
    ),
    "pages over http in production": Wrong(
        names="images.corsOrigins[0]",
        says="https origins alone",
        settings=images(corsOrigins=["http://localhost:3000"]),
    ),
    "pages over http in dev": Wrong(
        names="images.corsOrigins[0]",
        says="'http://app.example.com'",
        stage="dev",
        settings=images(corsOrigins=["http://app.example.com"], zone=..., hostedZoneId=...),
    ),
    "no page": Wrong(names="images.corsOrigins", says="[]", settings=images(corsOrigins=[])),
    "images that are too large": Wrong(
        names="images.maximumMegabytes", says="from 1 to 100", settings=images(maximumMegabytes=101)
    ),
    "a zone of images without its id": Wrong(
        names="images.zone", says="hostedZoneId", settings=images(hostedZoneId=...)
    ),
    "an id of images without its zone": Wrong(
        names="images.hostedZoneId", says="zone", settings=images(zone=...)
    ),
    "an address that is none": Wrong(
        names="alertEmails[1]", says="'ops'", settings={"alertEmails": ["ops@example.com", "ops"]}
    ),
    "another region": Wrong(names="aws:region", says="ap-southeast-1", config={"aws:region": "eu-central-1"}),
    "no region": Wrong(names="aws:region", says="is missing", config={"aws:region": ...}),
    "a stack that is no stage": Wrong(names="the stack 'prod'", says="production", stack="prod"),
    "no settings at all": Wrong(names=SETTING, says="is not a mapping", config={SETTING: ...}),
}


def run(wrong: Wrong, registered: list[Recorded]) -> None:
    """Run `__main__.py` under the changed file."""
    config = configuration(wrong.stage)
    settings = {**config[SETTING], **wrong.settings}
    config[SETTING] = {key: value for key, value in settings.items() if value is not ...}
    changed = {key: value for key, value in {**config, **wrong.config}.items() if value is not ...}
    record_program(run_main, wrong.stack or wrong.stage, changed, registered)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_configuration_stops_with_one_message_that_names_the_setting(wrong: Wrong) -> None:
    """G4."""
    registered: list[Recorded] = []
    with pytest.raises(ConfigurationError) as error:
        run(wrong, registered)
    first, told, *more = str(error.value).splitlines()
    assert first == f"Pulumi.{wrong.stack or wrong.stage}.yaml cannot be deployed:"
    assert more == []
    own = wrong.names.startswith((SETTING, "aws:", "the stack"))
    named = wrong.names if own else f"{SETTING}.{wrong.names}"
    assert told.startswith(f"  - {named}")
    # Nothing of the name goes on: `domain` is not `domainName`.
    assert not told.removeprefix(f"  - {named}")[0].isalnum()
    assert wrong.says in told
    assert "allowed: " in told
    assert registered == []


def test_two_wrong_settings_are_told_at_once() -> None:
    """Else one would run the program once for every mistake."""
    with pytest.raises(ConfigurationError) as error:
        run(Wrong(names="", says="", settings={"colour": "red", "size": 2}), [])
    assert [problem.split(" ")[0] for problem in error.value.problems] == [
        f"{SETTING}.colour",
        f"{SETTING}.size",
    ]


def test_at_least_twenty_wrong_configurations_are_tried() -> None:
    assert len(WRONG) >= 20
