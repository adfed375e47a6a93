"""Starts the provider. Pulumi runs this folder, or the command `pulumi-resource-anchor`."""

import sys
from importlib.metadata import version

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.provider import ConstructResult
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError
from pulumi.provider.server import main as serve

from components.core.errors import DeclarationError
from packages.components.anchor_deploy.provider.data import RetainedBucket, TenantTable
from packages.components.anchor_deploy.provider.sites import SiteHosting

NAME = "anchor"


class AnchorProvider(ComponentProvider):
    """The provider. It reports wrong arguments without a traceback, as programs in Python do."""

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Create a component.

        Raises:
            InputPropertiesError: An argument is invalid.
        """
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, DeclarationError):
                raise InputPropertiesError(str(error.inner), []) from error
            raise


def main() -> None:
    """Serve the provider until Pulumi stops it."""
    components: list[type[pulumi.ComponentResource]] = [RetainedBucket, SiteHosting, TenantTable]
    provider = AnchorProvider(components, NAME, version=version("anchor-deploy-components"))
    serve(provider, sys.argv[1:])


if __name__ == "__main__":
    main()
