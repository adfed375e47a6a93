"""Code of the platform's functions, and the Lambda layers with the dependencies of this code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.scope import ResourceScope

LayerName = Literal["base", "edge"]

CHECKOUT: Final = Path(__file__).parents[2]
"""The folder that contains `components` and `runtime`: the checkout, or the installed package."""
LAYERS: Final = Path(".build", "layers")
"""Default folder of the layers, relative to the folder of the Pulumi program."""

# The package that contains `components` and `runtime`. In the checkout, there is no such package.
_PACKAGE: Final = ".".join(__name__.split(".")[:-3])
# Every function uses `base`. Functions that write to the KeyValueStore also use `edge`, because its
# package signs their requests.
_LAYER_NAMES: Final[tuple[LayerName, ...]] = ("base", "edge")
_PACKAGE_SOURCE: Final = '"""The code of the functions."""\n'
_SHIPPED: Final = (".json", ".mjs", ".py")
_DESCRIPTIONS: Final = ("images-openapi.json", "openapi.json")  # made by `make reference`


@attrs.frozen(kw_only=True)
class FunctionCode:
    """The code of the functions, and the folders of the layers. `find` checks that the layers were built.

    Attributes:
        archive: Source files of `runtime`, and the API descriptions. The archive lists its files one by one,
            because cache files in the folder would change its hash from run to run.
        layers: Folder of each layer.
    """

    archive: pulumi.AssetArchive
    layers: Mapping[LayerName, Path]

    @classmethod
    def load(cls, scope: ResourceScope) -> "FunctionCode":
        """Return the code and the layers. The setting `layers` of the project replaces the folder `LAYERS`.

        Raises:
            DeclarationError: See `find`.
        """
        return cls.find(scope, Path(pulumi.Config().get("layers") or LAYERS))

    @classmethod
    def find(cls, scope: ResourceScope, layers: Path) -> "FunctionCode":
        """Return the code, and the layers for the scope's runtime and CPU architecture.

        Raises:
            DeclarationError: A layer was not built.
        """
        built = layers / f"{scope.python_runtime}-{scope.architecture}"
        folders: dict[LayerName, Path] = {name: built / name for name in _LAYER_NAMES}
        for folder in folders.values():
            if not (folder / "python").is_dir():
                command = _get_build_command(scope)
                raise DeclarationError(
                    f"{folder} does not contain the functions' dependencies: run `{command}`"
                )
        return cls(archive=_create_archive(), layers=folders)


@attrs.frozen(kw_only=True)
class DependencyLayersArgs:
    """Arguments of `DependencyLayers`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        code: Code with the layer folders.
    """

    scope: ResourceScope
    code: FunctionCode


class DependencyLayers(Component):
    """The Lambda layers with the dependencies of the platform's functions.

    Attributes:
        arns: ARN of each layer version, by layer name.
    """

    def __init__(
        self, name: str, args: DependencyLayersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("package", name, args.scope, opts)
        self.arns: dict[LayerName, pulumi.Output[str]] = {
            layer: aws.lambda_.LayerVersion(
                f"{name}-{layer}",
                layer_name=f"{args.scope.prefix}-{layer}",
                code=pulumi.FileArchive(str(folder)),
                compatible_runtimes=[args.scope.python_runtime],
                compatible_architectures=[args.scope.architecture],
                opts=self.child_opts,
            ).arn
            for layer, folder in args.code.layers.items()
        }
        self.register_outputs({})


def _get_build_command(scope: ResourceScope) -> str:
    """Return the command that creates the layers, for the checkout or for the installed package."""
    if not _PACKAGE:
        return f"make package RUNTIME={scope.python_runtime} ARCHITECTURE={scope.architecture}"
    return f"anchor-layers --runtime {scope.python_runtime} --architecture {scope.architecture}"


def _create_archive(root: Path = CHECKOUT, package: str = _PACKAGE) -> pulumi.AssetArchive:
    """Return the files of `runtime` and the API descriptions, under the names that their imports need.

    Args:
        root: Folder that contains `runtime`.
        package: Package that contains `runtime`. Functions get an empty package instead, because the
            installed package imports Pulumi.
    """
    files = sorted(path for path in (root / "runtime").rglob("*") if path.suffix in _SHIPPED)
    files += [root / "docs" / name for name in _DESCRIPTIONS]
    assets: dict[str, pulumi.Asset | pulumi.Archive] = {
        Path(package, path.relative_to(root)).as_posix(): pulumi.FileAsset(str(path)) for path in files
    }
    if package:
        assets[f"{package}/__init__.py"] = pulumi.StringAsset(_PACKAGE_SOURCE)
    return pulumi.AssetArchive(assets)
