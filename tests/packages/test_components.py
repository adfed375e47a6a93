"""The wheel of the components: its content, its imports and the code of its functions (W1)."""

import ast
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from local.layers import LOCK
from tests.components.recorder import ROOT
from tests.packages.example_programs import PACKAGE, record_example
from tests.packages.wheels import run_python

SOURCES = ("components", "runtime")
STAGE_MODULES = {
    "consistency.py",
    "cookie_domains.py",
    "placeholders.py",
    "regions.py",
    "settings.py",
    "stage.py",
    "stage_names.py",
    "stage_settings.py",
}
# pulumi_aws warns about its own deprecated classes.
IGNORE_WARNINGS = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
IMPORT_ALL = f"""{IGNORE_WARNINGS}
import importlib, pkgutil
import {PACKAGE}
found = [each.name for each in pkgutil.walk_packages({PACKAGE}.__path__, "{PACKAGE}.")]
for name in found:
    importlib.import_module(name)
assert not [name for name in sys.modules if name.partition(".")[0] in ("components", "local", "runtime")]
print(len(found))
"""


def test_every_module_can_be_imported_without_the_checkout(installed_components: Path) -> None:
    assert int(run_python(installed_components, IMPORT_ALL)) > 150


def test_the_wheel_adds_only_one_name_to_the_installed_packages(installed_components: Path) -> None:
    """A top-level package `components` or `runtime` would hide the folders of other programs."""
    names = {path.name for path in installed_components.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {PACKAGE}


def test_the_wheel_contains_all_sources_except_the_settings_of_stages(installed_components: Path) -> None:
    expected = {
        path.relative_to(ROOT)
        for name in SOURCES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected = {path for path in expected if path.parent.name != "core" or path.name not in STAGE_MODULES}
    package = installed_components / PACKAGE
    assert {
        path.relative_to(package)
        for name in SOURCES
        for path in (package / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } == expected


def test_no_import_uses_a_name_of_the_checkout(installed_components: Path) -> None:
    imported = {
        name
        for file in (installed_components / PACKAGE).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _list_names(node)
    }
    assert f"{PACKAGE}.components.aws.table" in imported
    assert not {name for name in imported if name.partition(".")[0] in (*SOURCES, "local")}


def _list_names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            return [node.module or ""]
        case _:
            return []


@pytest.mark.parametrize(
    "file",
    [
        "components/edge/viewer-request.js",
        "components/edge/viewer-response.js",
        "components/sites/buildspec.yml",
        "components/sites/build_tools/package-lock.json",
        "components/sites/build_tools/steps.sh",
        "docs/images-openapi.json",
        "docs/openapi.json",
        "requirements/runtime.txt",
        "runtime/deploy/releases/origin/anchor-origin.mjs",
    ],
)
def test_data_files_are_the_same_as_in_the_checkout(file: str, installed_components: Path) -> None:
    assert (installed_components / PACKAGE / file).read_bytes() == (ROOT / file).read_bytes()


def test_the_metadata_names_the_requirements_the_license_and_the_readme(components_wheel: Path) -> None:
    with zipfile.ZipFile(components_wheel) as archive:
        (folder,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
        assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert f"{PACKAGE}/py.typed" in archive.namelist()
    requirements = {each.partition("<")[0] for each in metadata.get_all("Requires-Dist") or []}
    assert {each.partition(">")[0] for each in requirements} == {
        "attrs",
        "boto3",
        "cattrs",
        "pulumi",
        "pulumi-aws",
    }
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_payload() == (ROOT / "packages/components/README.md").read_text()


def test_the_layers_come_from_the_locked_requirements_in_the_wheel(installed_components: Path) -> None:
    """G7: the layers of another program contain the versions with which the functions were tested."""
    code = IGNORE_WARNINGS + f"from {PACKAGE}.tools import layers; print(layers.LOCK.read_text(), end='')"
    assert run_python(installed_components, code) == LOCK.read_text(encoding="utf-8")


def test_the_error_for_missing_layers_names_the_command_of_the_wheel(
    installed_components: Path, tmp_path: Path
) -> None:
    code = f"""{IGNORE_WARNINGS}
from pathlib import Path
from {PACKAGE} import DeclarationError, FunctionCode, ResourceScope
try:
    FunctionCode.find(ResourceScope(prefix="shop", retain=False), Path({str(tmp_path)!r}))
except DeclarationError as error:
    print(error)
"""
    command = "anchor-layers --runtime python3.13 --architecture arm64"
    assert f"run `{command}`" in run_python(installed_components, code)


def test_each_handler_can_be_imported_from_the_code_that_is_deployed(
    installed_components: Path, tmp_path: Path
) -> None:
    """Only the archive and the packages of the layers are importable, not the wheel."""
    functions = record_example("one-site", installed_components).find_by_type("aws:lambda/function:Function")
    platform = [each.inputs for each in functions if each.inputs["runtime"].startswith("python")]
    contents = {
        path.relative_to(installed_components): path.read_bytes()
        for path in (installed_components / PACKAGE).rglob("*")
        if path.is_file()
    }
    for path in platform[0]["code"]["archive"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents[Path(path)])
    (tmp_path / PACKAGE / "__init__.py").write_text("")
    modules = sorted(str(inputs["handler"]).removesuffix(".handle") for inputs in platform)
    code = f"""
import importlib
for name in {modules}:
    assert callable(importlib.import_module(name).handle)
assert not [name for name in sys.modules if name.partition(".")[0] in ("pulumi", "runtime")]
print(len({modules}))
"""
    assert int(run_python(tmp_path, code)) == len(modules) == 8
