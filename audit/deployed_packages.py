"""The third-party packages that are deployed, from the lock files."""

import base64
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen

from audit.model import CheckResult, RunTool, build_result, build_unchecked_result

SCRIPT: Final = Path(__file__).with_name("tools") / "write_sbom.py"
FILE: Final = "anchor-deploy.cdx.json"
_PACKAGE: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+).*\n(?P<rest>(?:^[ #].*\n)*)",
    re.MULTILINE,
)


@frozen(kw_only=True)
class Package:
    """A package in a lock file.

    Attributes:
        part: What contains the package: `layers`, `build-tools` or `provider`.
        ecosystem: `pypi` or `npm`.
        sha512: Hash of the package's archive, as hexadecimal digits. Empty if the lock has other hashes.
        license: SPDX expression, if the lock names it.
    """

    part: str
    ecosystem: str
    name: str
    version: str
    sha512: str = ""
    license: str = ""


def list_deployed_packages(root: Path) -> list[Package]:
    """Return the packages in the layers of the functions, in the build tools and in the provider.

    The wheel of the provider allows ranges of versions. The list has the versions with which it is tested.
    """
    locks = root / "requirements"
    layers = _parse_lock((locks / "runtime.txt").read_text(encoding="utf-8"))
    tested = _parse_lock((locks / "dev.txt").read_text(encoding="utf-8"))
    project = tomllib.loads((root / "packages" / "components" / "pyproject.toml").read_text(encoding="utf-8"))
    required = {re.split(r"[<>=!~\[; ]", each, maxsplit=1)[0] for each in project["project"]["dependencies"]}
    tools = json.loads((root / "components/sites/build_tools/package-lock.json").read_text(encoding="utf-8"))
    return [
        *_list_python_packages("layers", layers, layers),
        *_list_python_packages("provider", tested, _find_closure(tested, required)),
        *_list_npm_packages("build-tools", tools),
    ]


def write_sbom(root: Path, python: Path, run: RunTool) -> CheckResult:
    """Write the bill of materials to `dist/`.

    Args:
        root: The folder of the repository.
        python: Python of the virtual environment with cyclonedx-python-lib.
        run: Runs commands.
    """
    name = "Bill of materials"
    packages = list_deployed_packages(root)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    described = {
        "name": project["name"],
        "version": project["version"],
        "packages": [asdict(package) for package in packages],
    }
    output = run((str(python), str(SCRIPT)), root, json.dumps(described))
    if output.exit_code or not output.stdout:
        return build_unchecked_result(name, output.describe_failure())
    file = root / "dist" / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(output.stdout, encoding="utf-8")
    return build_result(name, f"{len(packages)} packages in dist/{FILE}", ())


@frozen
class _Locked:
    version: str
    required_by: frozenset[str]


def _parse_lock(text: str) -> dict[str, _Locked]:
    """Return the packages of a lock file of uv. Comments after a package name the packages that need it."""
    return {
        match["name"]: _Locked(
            match["version"],
            frozenset(re.findall(r"^ +#(?: via)? +([^\s-]\S*)$", match["rest"], re.MULTILINE)),
        )
        for match in _PACKAGE.finditer(text)
    }


def _find_closure(locked: Mapping[str, _Locked], roots: Iterable[str]) -> set[str]:
    """Return the packages that the roots need, directly or through other packages."""
    found = set(roots)
    if missing := found - locked.keys():
        raise ValueError(f"not in the lock file: {', '.join(sorted(missing))}")
    while added := {name for name, each in locked.items() if name not in found and each.required_by & found}:
        found |= added
    return found


def _list_python_packages(
    part: str, locked: Mapping[str, _Locked], names: Iterable[str]
) -> Iterator[Package]:
    for name in sorted(names):
        yield Package(part=part, ecosystem="pypi", name=name, version=locked[name].version)


def _list_npm_packages(part: str, lock: Mapping[str, Any]) -> Iterator[Package]:
    for path, each in sorted(lock["packages"].items()):
        if path:
            integrity = each["integrity"]
            yield Package(
                part=part,
                ecosystem="npm",
                name=each.get("name") or path.rpartition("node_modules/")[2],
                version=each["version"],
                sha512=base64.b64decode(integrity.removeprefix("sha512-"), validate=True).hex(),
                license=each["license"] if isinstance(each.get("license"), str) else "",
            )
