"""Reads packages as JSON, and writes a CycloneDX bill of materials that is valid against its schema.

This script runs in the virtual environment of `make audit`.
"""
# pyright: reportMissingImports=false, reportUnknownParameterType=false

import json
import sys
from typing import Any

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator
from packageurl import PackageURL

TITLES = {
    "layers": "packages in the layers of the functions",
    "build-tools": "packages with which sites are built",
    "provider": "packages of the Pulumi provider and the components",
}


def create_component(package: dict[str, Any]) -> Component:
    """Return the component of a package."""
    namespace, _, name = package["name"].rpartition("/")
    purl = PackageURL(package["ecosystem"], namespace or None, name, package["version"])
    hashes = [HashType(alg=HashAlgorithm.SHA_512, content=package["sha512"])] if package["sha512"] else []
    licenses = [LicenseFactory().make_from_string(package["license"])] if package["license"] else []
    return Component(
        type=ComponentType.LIBRARY,
        group=namespace or None,
        name=name,
        version=package["version"],
        bom_ref=str(purl),
        purl=purl,
        hashes=hashes,
        licenses=licenses,
    )


def build_bom(described: dict[str, Any]) -> Bom:
    """Return the bill of materials: the product, its parts, and the packages of each part."""
    bom = Bom()
    product = Component(
        type=ComponentType.APPLICATION,
        name=described["name"],
        version=described["version"],
        bom_ref=described["name"],
    )
    bom.metadata.component = product
    components: dict[str, Component] = {}
    parts: list[Component] = []
    for part, title in TITLES.items():
        component = Component(
            type=ComponentType.APPLICATION,
            name=f"{described['name']}-{part}",
            version=described["version"],
            bom_ref=f"{described['name']}-{part}",
            description=title,
        )
        contained = [create_component(each) for each in described["packages"] if each["part"] == part]
        contained = [components.setdefault(str(each.purl), each) for each in contained]
        bom.register_dependency(component, contained)
        parts.append(component)
    bom.register_dependency(product, parts)
    for component in (*parts, *components.values()):
        bom.components.add(component)
    return bom


def main() -> None:
    """Write the bill of materials of the packages on the standard input."""
    version = SchemaVersion.V1_6
    text = make_outputter(build_bom(json.load(sys.stdin)), OutputFormat.JSON, version).output_as_string(
        indent=2
    )
    error = make_schemabased_validator(OutputFormat.JSON, version).validate_str(text)
    if error is not None:
        sys.exit(f"the bill of materials is not valid: {error}")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
