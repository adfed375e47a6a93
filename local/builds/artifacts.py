"""The upload of what a build leaves behind, as CodeBuild does it for packaging NONE."""

from pathlib import Path

from local.builds.aws import ObjectsClient
from local.builds.buildspec import ArtifactsSpec
from local.emulator.build_request import BuildArtifacts


class NoArtifactError(Exception):
    """No file matches the buildspec's artifacts."""


def matching_files(spec: ArtifactsSpec, source: Path) -> dict[str, Path]:
    """Return the files to upload by their name below the artifact's place.

    Patterns are relative to the base directory, which may be a pattern too (`dist*`). `**/*` means all files
    below, dotfiles included.
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


def upload(
    spec: ArtifactsSpec, *, source: Path, place: BuildArtifacts, objects: ObjectsClient, build_arn: str
) -> tuple[str, ...]:
    """Upload every matching file to `{path}/{name}/<file>` of the bucket and return the keys.

    Raises:
        NoArtifactError: No file matches.
    """
    files = matching_files(spec, source)
    if not files:
        raise NoArtifactError("no matching artifact paths found")
    prefix = "/".join(part.strip("/") for part in (place.path, place.name) if part.strip("/"))
    keys: list[str] = []
    for name, path in files.items():
        key = f"{prefix}/{name}"
        with path.open("rb") as body:
            objects.put_object(
                Bucket=place.location, Key=key, Body=body, Metadata={"codebuild-buildarn": build_arn}
            )
        keys.append(key)
    return tuple(keys)
