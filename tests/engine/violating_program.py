"""A program with a violation of every policy. The engine runs a copy of this file as `__main__.py`.

The file `violations.json` beside the program contains the resources of each violation.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pulumi


def create_output(value: object, resource: pulumi.Resource) -> pulumi.Output[Any]:
    """Return an output that depends on a resource and has a known value."""

    async def return_known(result: Any) -> Any:  # noqa: ANN401 - any value of a property
        await asyncio.sleep(0)
        return result

    known = asyncio.ensure_future(return_known(True))
    return pulumi.Output({resource}, asyncio.ensure_future(return_known(value)), known)


class Violation:
    """The resources of a violation. Resources are created before those that refer to them."""

    def __init__(self, number: int, resources: list[dict[str, Any]]) -> None:
        # A parent with a type of its own makes the URNs of the violations different.
        self._parent = pulumi.ComponentResource(f"violation:{number}:Violation", "violation")
        self._declared = {each["urn"]: each for each in resources}
        self._created: dict[str, pulumi.Resource] = {}

    def create_all(self) -> None:
        for urn in self._declared:
            self._create(urn)

    def _create(self, urn: str) -> pulumi.Resource:
        if urn not in self._created:
            # The violation can refer to a resource that it does not declare. Create it without properties.
            type_token, name = urn.split("::")[2:]
            declared = self._declared.get(urn, {"properties": {}, "references": {}})
            properties: dict[str, Any] = declared["properties"]
            for key, target in declared["references"].items():
                properties[key] = create_output(properties.get(key, "reference"), self._create(target))
            options = pulumi.ResourceOptions(parent=self._parent)
            self._created[urn] = pulumi.CustomResource(type_token, name, properties, options)
        return self._created[urn]


for index, described in enumerate(json.loads(Path("violations.json").read_text(encoding="utf-8"))):
    Violation(index, described).create_all()
