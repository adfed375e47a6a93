"""A build hook for wheels: it installs folders of the checkout under other import names.

The checkout has top-level packages with common names, such as `runtime`. Installed under these names, they
would collide with the folders of other programs. This hook copies each folder into the wheel under the import
name that the table `folders` gives it. In the copies, it replaces the old dotted names with the new ones, in
imports as well as in docstrings.

A `pyproject.toml` uses the hook as follows:

    [tool.hatch.build.hooks.custom]
    path = "../relocated_imports.py"
    exclude = ["runtime/shared/api"]

    [tool.hatch.build.hooks.custom.folders]
    "runtime/shops" = "anchor_shop_store"
    "runtime/shared" = "anchor_shop_store.shared"
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CHECKOUT = Path(__file__).parents[1]


class RelocatedImportsHook(BuildHookInterface[Any]):
    """Adds the renamed folders to the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy the folders to a temporary folder, and add the copies to the wheel.

        Raises:
            FileNotFoundError: A folder of the table, or an excluded path, does not exist.
        """
        del version
        self._folder = Path(tempfile.mkdtemp(prefix="anchor-wheel-"))
        folders: Mapping[str, str] = self.config["folders"]
        for source, target in list_files(folders, self.config.get("exclude", ())):
            copy = self._folder / target
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(rename_imports(source, folders))
            build_data["force_include"][str(copy)] = target

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        del version, build_data, artifact_path
        shutil.rmtree(self._folder)


def list_files(folders: Mapping[str, str], exclude: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Yield each file of the folders with its path in the wheel. Python's bytecode caches are left out.

    Args:
        folders: Import names by folder, or by Python file. The paths are relative to the checkout.
        exclude: Files and folders that are left out, relative to the checkout.

    Raises:
        FileNotFoundError: A folder or an excluded path does not exist.
    """
    excluded = [CHECKOUT / path for path in exclude]
    for path in (*(CHECKOUT / folder for folder in folders), *excluded):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: correct the path in pyproject.toml")
    for folder, name in folders.items():
        root = CHECKOUT / folder
        if root.is_file():
            yield root, f"{name.replace('.', '/')}{root.suffix}"
            continue
        for file in sorted(root.rglob("*")):
            if not file.is_file() or "__pycache__" in file.parts:
                continue
            if any(file.is_relative_to(path) for path in excluded):
                continue
            yield file, f"{name.replace('.', '/')}/{file.relative_to(root).as_posix()}"


def rename_imports(file: Path, folders: Mapping[str, str]) -> bytes:
    """Return the content of a file. In Python files, the dotted names of the folders are replaced."""
    content = file.read_bytes()
    if file.suffix != ".py":
        return content
    text = content.decode("utf-8")
    for folder, name in folders.items():
        old = re.escape(folder.removesuffix(".py").replace("/", "."))
        text = re.sub(rf"(?<![\w./]){old}(?!\w)", name, text)
    return text.encode("utf-8")
