"""Reads the resources of a deployment back from the emulator."""

from collections.abc import Iterable

from local.emulator.emulator import Emulator
from local.engine.engine import Resource
from local.providers.core.registry import READERS
from local.providers.core.resource import CreatedResource, DeclaredResource, Properties, ProviderContext

REGION = "ap-southeast-1"


def declare_resource(resource: Resource, **changes: object) -> DeclaredResource:
    """Return the program's declaration of a resource. `changes` replaces the values of some properties."""
    return DeclaredResource(
        urn=resource.urn,
        type=resource.type,
        name=resource.urn.rpartition("::")[2],
        properties={**resource.inputs, **changes},
    )


def open_provider(emulator: Emulator, resource: Resource) -> ProviderContext:
    return ProviderContext(emulator=emulator, region=resource.inputs.get("region", REGION))


def read_properties(emulator: Emulator, resource: Resource) -> Properties | None:
    """Return the properties of a resource in the emulator, or None if it does not exist."""
    created = CreatedResource(id=resource.id, outputs=resource.outputs)
    return READERS[resource.type](open_provider(emulator, resource), declare_resource(resource), created)


def find_drift(emulator: Emulator, resources: Iterable[Resource]) -> dict[str, Properties | None]:
    """Return, by URN, the properties whose values in the emulator differ from the program."""
    found: dict[str, Properties | None] = {}
    for resource in resources:
        present = read_properties(emulator, resource)
        if present is None:
            found[resource.urn] = None
        elif present != resource.inputs:
            names = present.keys() | resource.inputs.keys()
            found[resource.urn] = {
                name: present.get(name)
                for name in names
                if present.get(name) != resource.inputs.get(name) or name not in present
            }
    return found
