"""A program with a violation of every policy. The engine runs a copy of this file as `__main__.py`.

The file `violations.json` beside the program contains the resources of each violation.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pulumi


def create_output(value: object, resource: pulumi.Resource) -> pulumi.Output[Any]:
    """Return an output with a known value that depends on a resource."""

    async def return_known(result: Any) -> Any:  # noqa: ANN401 - any value of a property
        await asyncio.sleep(0)
        return result

    known = asyncio.ensure_future(return_known(True))
    return pulumi.Output({resource}, asyncio.ensure_future(return_known(value)), known)


for number, violation in enumerate(json.loads(Path("violations.json").read_text(encoding="utf-8"))):
    # A parent with a type of its own makes the URNs of the violations different.
    parent = pulumi.ComponentResource(f"violation:{number}:Violation", "violation")
    created: dict[str, pulumi.Resource] = {}
    for each in violation:
        properties: dict[str, Any] = each["properties"]
        for name, target in each["references"].items():
            properties[name] = create_output(properties.get(name, "reference"), created[target])
        created[each["urn"]] = pulumi.CustomResource(
            each["type"], each["name"], properties, pulumi.ResourceOptions(parent=parent)
        )
