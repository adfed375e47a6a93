"""CodeBuild."""

from collections.abc import Iterator
from typing import Any, Final

from policies.arguments.checks import (
    check_arn,
    check_not_empty,
    follows_model,
    has_length,
    has_tags,
    is_between,
    is_in_enum,
    matches,
    passes_any,
)
from policies.arguments.relations import Block, define_relation, require_when
from policies.arguments.resource_type import ResourceType
from policies.graph import UNKNOWN


@define_relation("type", "location", scope="cache")
def _check_cache(block: Block) -> Iterator[str]:
    """Check a cache: type S3 requires `location` (the provider's `CustomizeDiff`), `modes` require LOCAL."""
    if block.get("type") == "S3" and block.get("location") in (None, ""):
        yield "the cache type S3 requires location"
    # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectCache.html
    if block.get("modes") and block.get("type") not in ("LOCAL", UNKNOWN):
        yield "modes require the cache type LOCAL"


_NOT_AN_ARN: Final = matches(r"^[0-9a-z][^/]*\/(.+)$")  # validProjectS3LogsLocation
_LOCATION: Final[tuple[Any, ...]] = (passes_any(check_arn, _NOT_AN_ARN),)

TYPES: Final = (
    ResourceType(
        type="aws:codebuild/project:Project",
        source="codebuild/project.go",
        arguments={
            "artifacts.encryptionDisabled": (),
            "artifacts.location": (check_not_empty,),
            "artifacts.name": (),
            "artifacts.namespaceType": (is_in_enum("codebuild.ArtifactNamespace"),),
            "artifacts.overrideArtifactName": (),
            "artifacts.packaging": (is_in_enum("codebuild.ArtifactPackaging"),),
            "artifacts.path": (),
            "artifacts.type": (is_in_enum("codebuild.ArtifactsType"),),
            "buildTimeout": (is_between(5, 2160),),
            "cache.modes[]": (is_in_enum("codebuild.CacheMode"),),
            "cache.type": (is_in_enum("codebuild.CacheType"),),
            "description": (has_length(0, 255),),
            "environment.computeType": (is_in_enum("codebuild.ComputeType"),),
            "environment.environmentVariables[].name": (check_not_empty,),
            "environment.environmentVariables[].type": (is_in_enum("codebuild.EnvironmentVariableType"),),
            "environment.environmentVariables[].value": (),
            "environment.image": (check_not_empty,),
            "environment.imagePullCredentialsType": (is_in_enum("codebuild.ImagePullCredentialsType"),),
            "environment.privilegedMode": (),
            "environment.type": (is_in_enum("codebuild.EnvironmentType"),),
            "logsConfig.cloudwatchLogs.groupName": (),
            "logsConfig.cloudwatchLogs.status": (is_in_enum("codebuild.LogsConfigStatusType"),),
            "logsConfig.s3Logs.encryptionDisabled": (),
            "logsConfig.s3Logs.location": _LOCATION,
            "logsConfig.s3Logs.status": (is_in_enum("codebuild.LogsConfigStatusType"),),
            "name": (
                matches(r"^[A-Za-z0-9]"),
                matches(r"^[0-9A-Za-z_-]+$"),
                has_length(1, 255),
                follows_model("codebuild.ProjectName"),
            ),
            "queuedTimeout": (is_between(5, 480),),
            "serviceRole": (check_arn, follows_model("codebuild.NonEmptyString")),
            "source.buildspec": (),
            # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html: bucket and key
            "source.location": (_NOT_AN_ARN,),
            "source.type": (is_in_enum("codebuild.SourceType"),),
            "tags": has_tags("codebuild.KeyInput", "codebuild.ValueInput"),
        },
        relations=(
            _check_cache,
            # The provider checks the rule below only when it creates the project.
            require_when("type", "NO_SOURCE", "buildspec", scope="source"),
            require_when("type", "S3", "location", scope="source"),
            require_when("type", "S3", "location", "name", scope="artifacts"),
            require_when("status", "ENABLED", "location", scope="logsConfig.s3Logs"),
        ),
    ),
)
