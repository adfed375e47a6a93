"""DeployFunctionFactory: creates the functions of the deploy platform with their common arguments."""

from collections.abc import Mapping
from typing import Final

import attrs
import pulumi

from components.aws.function import PythonFunction, PythonFunctionArgs
from components.aws.package import DependencyLayers, FunctionCode, LayerName
from components.core.grants import Grant
from components.core.limits.concurrency import PLATFORM
from components.core.limits.quotas import Quotas
from components.core.scope import ResourceScope
from components.deploy.site_names import SiteArnPatterns
from components.deploy.store import DeployStore

_MEMORY: Final = 512


@attrs.frozen(kw_only=True)
class DeployFunctionFactory:
    """Creates functions that share the same code, layers and tables.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        code: Code of the functions.
        layers: Layers with the functions' dependencies.
        store: Tables, buckets and keys of the platform.
        quotas: Quotas of each user.
    """

    scope: ResourceScope
    code: FunctionCode
    layers: DependencyLayers
    store: DeployStore
    quotas: Quotas = attrs.field(factory=Quotas)

    @property
    def deployment_quotas(self) -> dict[str, str]:
        """Environment variables of the functions that create deployments."""
        return {
            "MAX_QUEUED_DEPLOYMENTS": str(self.quotas.queued_deployments),
            "MAX_BUILD_MINUTES_PER_DAY": str(self.quotas.build_minutes_per_day),
            "MAX_MANUAL_DEPLOYMENTS_PER_HOUR": str(self.quotas.manual_deployments_per_hour),
        }

    @property
    def site_arns(self) -> SiteArnPatterns:
        """ARN patterns of the resources of all sites."""
        return SiteArnPatterns(
            scope=self.scope,
            secrets_path=self.store.secrets_path,
            deploy_keys_path=self.store.deploy_keys_path,
        )

    def create(  # noqa: PLR0913 - the arguments in which functions differ
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
        concurrency: int | None = None,
    ) -> PythonFunction:
        """Create the function whose handler module in `runtime/deploy/handlers` has this name.

        Args:
            name: Function name, such as `build-events` for the module `build_events`.
            timeout: Timeout in seconds.
            environment: Environment variables, in addition to the table names and the function's timeout.
            grants: Permissions.
            opts: `child_opts` of the enclosing component.
            memory: Memory in MB.
            storage: Size of `/tmp` in MB.
            layers: Names of the layers.
            concurrency: Reserved concurrency. The default is that of the function in
                `components/core/limits/concurrency.py`.
        """
        return PythonFunction(
            name,
            PythonFunctionArgs(
                scope=self.scope,
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
                concurrency=PLATFORM[name] if concurrency is None else concurrency,
            ),
            opts,
        )
