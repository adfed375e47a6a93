"""Builds of the sites: each site is built once by the platform, and the build is kept for later runs."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from attrs import frozen

from local.builds.environment import BuildFolders
from local.builds.runner import BuildRunner
from local.emulator.build_request import BuildPhase, BuildRequest, BuildResult

ROOT: Final = Path(__file__).parents[3]
CACHE_VARIABLE: Final = "ANCHOR_CONFORMANCE_CACHE"
ARTIFACT: Final = "open-next.zip"
# A change of one of these folders can change the result of a build.
BUILD_TOOLS: Final = (ROOT / "components" / "sites", ROOT / "local" / "builds")
_NOT_SOURCES: Final = frozenset({".git", ".next", ".open-next", "node_modules", "__pycache__", ".turbo"})


def find_cache_folder() -> Path:
    """Return the folder of the kept builds."""
    return Path(os.environ.get(CACHE_VARIABLE, ROOT / ".anchor" / "conformance"))


def list_sources(folder: Path) -> list[Path]:
    """Return the source files of a folder, sorted, without build outputs and installed packages."""
    return sorted(
        path
        for path in folder.rglob("*")
        if (path.is_file() or path.is_symlink())
        and not _NOT_SOURCES.intersection(path.relative_to(folder).parts)
    )


def compute_hash(folders: Iterable[Path], *texts: str) -> str:
    """Return a hash of the source files of folders and of more texts.

    The file `requests.json` of a site does not count, because it does not change the build.
    """
    digest = hashlib.sha256("\0".join(texts).encode())
    for folder in folders:
        for path in list_sources(folder):
            name = path.relative_to(folder).as_posix()
            if name == "requests.json" or (path.suffix in {".py", ".pyc"} and folder.name != "builds"):
                continue
            content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:24]


@frozen(kw_only=True)
class KeptBuild:
    """The result of a build that succeeded.

    Attributes:
        folder: The folder in the cache.
    """

    folder: Path

    @property
    def source(self) -> Path:
        """The checkout after the build, with `.next` and `node_modules`."""
        return self.folder / "source"

    @property
    def artifact(self) -> Path:
        """The artifact that a release reads."""
        return self.folder / ARTIFACT

    @property
    def exists(self) -> bool:
        """Whether the build is complete. The artifact is stored last."""
        return self.artifact.is_file()


@frozen(kw_only=True)
class KeepingBuildRunner:
    """A build runner that keeps each build, and that repeats a kept build without running its commands.

    Attributes:
        runner: The runner of builds that are not kept yet. It must keep its folders.
        builds: The place of the build of each repository, by the public URL of the repository.
    """

    runner: BuildRunner
    builds: dict[str, KeptBuild]

    def run(self, request: BuildRequest) -> BuildResult:
        """Run or repeat one build."""
        variables = {variable.name: variable.value for variable in request.environment_variables}
        kept = self.builds.get(variables.get("ANCHOR_REPOSITORY_URL", ""))
        if kept and kept.exists:
            return self._repeat(request, kept)
        folders = BuildFolders(root=self.runner.folder / request.build_id.replace(":", "-"))
        result = self.runner.run(request)
        try:
            if kept and result.status == "SUCCEEDED":
                _keep(folders.source, kept)
        finally:
            shutil.rmtree(folders.root, ignore_errors=True)
        return result

    def _repeat(self, request: BuildRequest, kept: KeptBuild) -> BuildResult:
        """Upload the kept artifact with the rights of the build, and report that the build succeeded."""
        started = self.runner.clock()
        clients = self.runner.clients(self.runner.credentials(request.service_role_arn), request.region)
        place = request.artifacts
        assert place, "the project of the site has no artifacts"
        prefix = "/".join(part.strip("/") for part in (place.path, place.name) if part.strip("/"))
        with kept.artifact.open("rb") as body:
            clients.objects.put_object(
                Bucket=place.location,
                Key=f"{prefix}/{ARTIFACT}",
                Body=body,
                Metadata={"codebuild-buildarn": request.arn},
            )
        phase = BuildPhase(
            type="UPLOAD_ARTIFACTS", started_at=started, ended_at=self.runner.clock(), status="SUCCEEDED"
        )
        return BuildResult(
            status="SUCCEEDED", phases=(phase, BuildPhase(type="COMPLETED", started_at=self.runner.clock()))
        )


def _keep(source: Path, kept: KeptBuild) -> None:
    shutil.rmtree(kept.folder, ignore_errors=True)
    kept.folder.mkdir(parents=True)
    shutil.move(source / "source", kept.source)
    for folder in kept.source.rglob(".next"):
        shutil.rmtree(folder / "cache", ignore_errors=True)
        shutil.rmtree(folder / "standalone", ignore_errors=True)
    shutil.move(source / ARTIFACT, kept.artifact.with_suffix(".new"))
    kept.artifact.with_suffix(".new").rename(kept.artifact)


def read_json(path: Path) -> dict[str, object]:
    """Return the object in a JSON file, or an empty one if the file does not exist."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
