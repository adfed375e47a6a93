"""The embedded cloud changes each property in place that the AWS provider changes in place (L6).

The test deploys production, changes each property of one resource of each type, and reads the resource back.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment, Engine, Resource
from local.providers.core.registry import READERS, UNREADABLE_PROPERTIES, UPDATERS
from local.providers.core.replacement_rules import RULES
from local.providers.core.resource import CreatedResource, DeclaredResource, Properties
from local.stage import find_hosted_zones
from tests.components.recorder import create_layers
from tests.components.resources import list_custom_resources
from tests.components.stages import STAGE_FILES, STAGES
from tests.local.deployed_program import ROOT
from tests.local.providers.changes import CHANGES, Changes
from tests.local.providers.reading import declare_resource, open_provider

# Properties that have only one possible value, so no change of them can be tested.
ONLY_VALUE = {("aws:cloudfront/originAccessControl:OriginAccessControl", "signingProtocol")}


@pytest.fixture
def layers_folder() -> Iterator[Path]:
    with create_layers() as folder:
        yield folder


@pytest.fixture
def production(emulator: Emulator, layers_folder: Path) -> Deployment:
    engine = Engine(emulator, root=ROOT, stage_files=STAGE_FILES)
    settings: Any = engine.load_settings("production")["anchor-deploy:stage"]
    for zone_id, name in find_hosted_zones(settings).items():
        emulator.create_hosted_zone(zone_id, name)
    return engine.deploy(stack="production", overrides={"anchor-deploy:layers": str(layers_folder)})


def test_every_property_is_in_the_table_of_changes_or_forces_a_replacement() -> None:
    """A new property in the program must be added to the table, or must be in `RULES`."""
    used = {
        (resource.type, name)
        for stage in STAGES
        for resource in list_custom_resources(stage)
        for name in resource.inputs
    }
    assert {kind for kind, _ in used} & UPDATERS.keys() == CHANGES.keys()
    unchanged = {
        (kind, name)
        for kind, name in used
        if name
        not in RULES[kind].properties
        | {"region"}
        | UNREADABLE_PROPERTIES[kind]
        | list_changed_properties(kind)
    }
    assert unchanged == ONLY_VALUE


def list_changed_properties(kind: str) -> set[str]:
    """Return the properties of a type that have a change in `changes.py`."""
    return {name for changes in CHANGES.get(kind, ()) for name in changes.values}


def list_update_groups(changes: Changes) -> list[tuple[str, ...]]:
    """Return the properties that each update changes: one, or several that must change together."""
    grouped = {name for group in changes.together for name in group}
    return [*changes.together, *((name,) for name in changes.values if name not in grouped)]


def list_updates() -> list[tuple[str, tuple[str, ...], Changes]]:
    """Return all updates of the test: the resource type, the changed properties and the table entry."""
    return [
        (kind, group, changes)
        for kind, table in CHANGES.items()
        for changes in table
        for group in list_update_groups(changes)
    ]


def choose_resource(production: Deployment, kind: str, changes: Changes, name: str) -> Resource:
    """Return the resource to change: the one that `changes` names, or one with the property.

    If possible, the change gives the property another value.
    """
    found = [
        resource
        for resource in production.find_by_type(kind)
        if (resource.urn.endswith(f"::{changes.name}") if changes.name else name in resource.inputs)
    ]
    others = (one for one in found if changes.values[name](one.inputs.get(name)) != one.inputs.get(name))
    return next(others, found[0])


def create_references(emulator: Emulator, kind: str, resource: Resource, changed: Properties) -> Properties:
    """Create the resources to which a change refers. Return the changed properties with their ids or ARNs."""
    if kind == "aws:apigatewayv2/apiMapping:ApiMapping":
        emulator.client("apigatewayv2").create_stage(ApiId=resource.inputs["apiId"], StageName="another")
    if kind == "aws:apigatewayv2/domainName:DomainName":
        arn = emulator.client("acm").request_certificate(
            DomainName=resource.inputs["domainName"], ValidationMethod="DNS"
        )["CertificateArn"]
        block = {**resource.inputs["domainNameConfiguration"], "certificateArn": arn}
        return {**changed, "domainNameConfiguration": block}
    if kind == "aws:kms/alias:Alias":
        key = emulator.client("kms").create_key()["KeyMetadata"]
        is_arn = str(resource.inputs["targetKeyId"]).startswith("arn:")
        return {**changed, "targetKeyId": key["Arn"] if is_arn else key["KeyId"]}
    if kind == "aws:lambda/alias:Alias":
        name = resource.id.split(":")[6]
        version = emulator.client("lambda").publish_version(FunctionName=name)["Version"]
        return {**changed, "functionVersion": version}
    return changed


def test_every_change_is_made_and_read_back(emulator: Emulator, production: Deployment) -> None:
    wrong: list[tuple[str, tuple[str, ...], object]] = []
    for kind, group, changes in list_updates():
        resource = choose_resource(production, kind, changes, group[0])
        changed = {**resource.inputs, **changes.also}
        changed |= {name: changes.values[name](resource.inputs.get(name)) for name in group}
        changed = {name: value for name, value in changed.items() if value is not None}
        try:
            found, drift = update_and_restore(
                emulator, resource, create_references(emulator, kind, resource, changed)
            )
        except Exception as error:  # noqa: BLE001 - all changes are made, then the failed ones are shown
            wrong.append((kind, group, error))
            continue
        if found:
            wrong.append((kind, group, found))
        if not any(name in drift or name not in resource.inputs for name in group):
            wrong.append((kind, group, "the program that does not have the change sees no drift"))
    assert wrong == []


def update_and_restore(
    emulator: Emulator, resource: Resource, changed: Properties
) -> tuple[Properties, Properties]:
    """Change a resource, read it back, and restore it.

    Returns:
        Two sets of properties that were read after the change: those that differ from `changed`, and those
        that differ from the program.
    """
    aws = open_provider(emulator, resource)
    old = declare_resource(resource)
    new = DeclaredResource(urn=old.urn, type=old.type, name=old.name, properties=changed)
    made = UPDATERS[resource.type](aws, new, CreatedResource(id=resource.id, outputs=resource.outputs))
    differences = [
        find_differences(declared.properties, READERS[resource.type](aws, declared, made))
        for declared in (new, old)
    ]
    UPDATERS[resource.type](aws, old, made)
    return differences[0], differences[1]


def find_differences(declared: Properties, found: Properties | None) -> Properties:
    assert found is not None
    return {name: found.get(name) for name in declared if found.get(name) != declared[name]}
