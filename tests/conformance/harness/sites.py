"""The sites that the harness compares, with their hand-written requests (`requests.json`)."""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from attrs import field, frozen

from tests.conformance.harness.builds import ROOT, list_sources, read_json

FOLDERS: Final = (ROOT / "tests" / "conformance" / "sites", ROOT / "examples")
REQUESTS: Final = "requests.json"
# The example sites show these variables, and `make demo` sets them, too.
VARIABLES: Final = {"GREETING": "hello", "DEMO_SECRET": "a-secret-of-the-tests"}


class SiteMissingError(Exception):
    """There is no folder of this name."""


@frozen(kw_only=True)
class Site:
    """A folder with the sources of a site.

    Attributes:
        name: The name of the stage's site and of the repository.
        folder: The folder.
        document: The content of `requests.json`.
        base: The site whose sources and requests this site has, too, if `extends` names one. Files of this
            site replace files of the base. So the same sources are tested with another version of Next.js.
    """

    name: str
    folder: Path
    document: Mapping[str, Any] = field(repr=False)
    base: "Site | None" = None

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables of the project."""
        return {**VARIABLES, **cast("Mapping[str, str]", self.document.get("variables", {}))}

    @property
    def settings(self) -> Mapping[str, Any]:
        """Fields of the project that differ from their defaults."""
        return cast("Mapping[str, Any]", self.document.get("settings", {}))

    @property
    def root(self) -> str:
        """The folder of the Next.js site in the repository."""
        return str(self.settings.get("rootDirectory", "."))

    @property
    def refusal(self) -> str:
        """A part of the reason for which the platform must refuse the site, or an empty text."""
        return str(self.document.get("refused", ""))

    @property
    def volatile(self) -> Sequence[str]:
        """Regular expressions of texts in the site's answers that differ in each rendering."""
        return [*(self.base.volatile if self.base else ()), *self.document.get("volatile", ())]

    @property
    def cases(self) -> Sequence[Mapping[str, Any]]:
        """The hand-written requests."""
        without = self.document.get("without", ())
        inherited = [case for case in self.base.cases if case.get("name") not in without] if self.base else []
        return [*inherited, *self.document.get("cases", ())]

    def copy_sources(self, target: Path) -> Path:
        """Copy the source files to a folder, and return the folder."""
        if self.base:
            self.base.copy_sources(target)
        for name in self.document.get("removed", ()):
            (target / name).unlink()
        for path in list_sources(self.folder):
            copy = target / path.relative_to(self.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.name != REQUESTS:
                shutil.copy2(path, copy, follow_symlinks=False)
        return target


def find_site(name: str) -> Site:
    """Return the site of a name or of a folder's path.

    Raises:
        SiteMissingError: There is no such folder.
    """
    candidates = [*(folder / name for folder in FOLDERS), Path(name)]
    for folder in candidates:
        if (folder / "package.json").is_file():
            short = re.sub("[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
            document = {**read_json(folder / REQUESTS), **read_json(FOLDERS[0] / folder.name / REQUESTS)}
            base = find_site(str(document["extends"])) if "extends" in document else None
            return Site(name=short, folder=folder.resolve(), document=document, base=base)
    known = ", ".join(site.name for site in list_sites())
    raise SiteMissingError(
        f"{name} is no folder with a package.json and no site of the harness: use a folder or one of {known}"
    )


def list_sites() -> list[Site]:
    """Return all sites of the harness, and the examples with Next.js."""
    examples = [path for path in sorted(FOLDERS[1].glob("next-*")) if (path / "package.json").is_file()]
    own = [path for path in sorted(FOLDERS[0].iterdir()) if (path / "package.json").is_file()]
    return [find_site(str(path)) for path in [*examples, *own]]
