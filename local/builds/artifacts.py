"""Uploads build artifacts as CodeBuild does for projects with the packaging `NONE`."""

from pathlib import Path

from local.builds.aws import ObjectsClient
from local.builds.buildspec import ArtifactsSpec
from local.emulator.build_request import BuildArtifacts


class NoArtifactError(Exception):
    """No file matches the buildspec's artifacts."""


def find_artifacts(spec: ArtifactsSpec, source: Path) -> dict[str, Path]:
    """Return the files to upload. Each key is the name that the file gets below the artifact's prefix.

    Patterns are relative to the base directory, which can be a pattern too (`dist*`). `**/*` matches all
    files in the base directory and its subdirectories, including dotfiles.
    """
    bases = [source] if spec.base_directory == "." else sorted(source.glob(spec.base_directory))
    files: dict[str, Path] = {}
    for base in bases:
        excluded = {path for pattern in spec.exclude_paths for path in base.glob(pattern)}
        for pattern in spec.files:
            for path in sorted(base.glob(pattern)):
                if path.is_file() and path not in excluded:
                    name = path.name if spec.discard_paths else path.relative_to(base).as_posix()
                    files[name] = path
    return files


def upload_artifacts(
    spec: ArtifactsSpec, *, source: Path, destination: BuildArtifacts, objects: ObjectsClient, build_arn: str
) -> tuple[str, ...]:
    """Upload the files that `find_artifacts` returns, and return their object keys.

    Each key begins with the destination's `path` and `name`.

    Raises:
        NoArtifactError: No file matches.
    """
    files = find_artifacts(spec, source)
    if not files:
        raise NoArtifactError("no matching artifact paths found")
    prefix = "/".join(part.strip("/") for part in (destination.path, destination.name) if part.strip("/"))
    keys: list[str] = []
    for name, path in files.items():
        key = f"{prefix}/{name}"
        with path.open("rb") as body:
            objects.put_object(
                Bucket=destination.location, Key=key, Body=body, Metadata={"codebuild-buildarn": build_arn}
            )
        keys.append(key)
    return tuple(keys)
