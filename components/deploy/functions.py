"""DeployFunctions: what the functions of the deploy platform have in common."""

from collections.abc import Mapping
from typing import Final

import attrs
import pulumi

from components.aws.function import PythonFunction, PythonFunctionArgs
from components.aws.package import DependencyLayers, FunctionCode, LayerName
from components.core.grants import Grant
from components.core.stage import StageConfig
from components.deploy.site_names import EverySite
from components.deploy.store import DeployStore

_MEMORY: Final = 512


@attrs.frozen(kw_only=True)
class DeployFunctions:
    """Makes the functions of the deploy platform, which read and write the same store for every site.

    Attributes:
        stage: The stage they belong to.
        account: The AWS account's id.
        code: Their code.
        layers: The layers with their dependencies.
        store: What the platform keeps.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    code: FunctionCode
    layers: DependencyLayers
    store: DeployStore

    @property
    def sites(self) -> EverySite:
        """What all sites together are called, in policies."""
        return EverySite(stage=self.stage, account=self.account)

    def make(  # noqa: PLR0913 - what these functions differ by
        self,
        name: str,
        *,
        timeout: int,
        environment: Mapping[str, pulumi.Input[str]],
        grants: tuple[Grant, ...],
        opts: pulumi.ResourceOptions,
        memory: int = _MEMORY,
        storage: int = 512,
        layers: tuple[LayerName, ...] = ("base",),
    ) -> PythonFunction:
        """Make the function whose handler is in `runtime/deploy/handlers`, by its name.

        Args:
            name: Such as `build-events`.
            timeout: Seconds.
            environment: Variables beyond the names of the two tables.
            grants: All that it may do.
            opts: `inside` of the component that it is part of.
            memory: MB.
            storage: MB below `/tmp`.
            layers: Names of layers.
        """
        return PythonFunction(
            name,
            PythonFunctionArgs(
                stage=self.stage,
                handler=f"runtime.deploy.handlers.{name.replace('-', '_')}.handle",
                timeout=timeout,
                memory=memory,
                storage=storage,
                code=self.code.archive,
                layers=tuple(self.layers.arns[layer] for layer in layers),
                environment={
                    "PROJECTS_TABLE": self.store.projects.table_name,
                    "DEPLOYMENTS_TABLE": self.store.deployments.table_name,
                    **environment,
                },
                grants=grants,
            ),
            opts,
        )
