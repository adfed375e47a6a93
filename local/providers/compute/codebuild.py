"""CodeBuild: build projects. The local runner runs their builds (local/builds/runner.py)."""

from typing import Any

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    parse_answer,
    parse_tag_list,
    pick_properties,
    read_single_block,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
PROJECT = {
    "serviceRole": "serviceRole",
    "description": "description",
    "sourceVersion": "sourceVersion",
    "timeoutInMinutes": "buildTimeout",
    "queuedTimeoutInMinutes": "queuedTimeout",
    "concurrentBuildLimit": "concurrentBuildLimit",
    "encryptionKey": "encryptionKey",
}
SOURCE = {"type": "type", "buildspec": "buildspec", "location": "location"}
ARTIFACTS = {
    "type": "type",
    "location": "location",
    "path": "path",
    "name": "name",
    "packaging": "packaging",
    "namespaceType": "namespaceType",
    "overrideArtifactName": "overrideArtifactName",
    "encryptionDisabled": "encryptionDisabled",
}
ENVIRONMENT = {
    "type": "type",
    "image": "image",
    "computeType": "computeType",
    "privilegedMode": "privilegedMode",
    "imagePullCredentialsType": "imagePullCredentialsType",
}
CACHE = {"type": "type", "location": "location", "modes": "modes"}
LOG_GROUP = {"status": "status", "groupName": "groupName", "streamName": "streamName"}
LOG_ARCHIVE = {"status": "status", "location": "location", "encryptionDisabled": "encryptionDisabled"}


@register_creator("aws:codebuild/project:Project")
def create_project(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a project."""
    name = declared.get_physical_name()
    made = aws.client("codebuild").create_project(name=name, **_convert_project(declared.properties))[
        "project"
    ]
    return CreatedResource(id=made["arn"], outputs={"arn": made["arn"], "name": name})


@register_updater("aws:codebuild/project:Project")
def update_project(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the project's settings."""
    aws.client("codebuild").update_project(
        name=made.id.rpartition("/")[2], **_convert_project(declared.properties)
    )
    return made


@register_reader("aws:codebuild/project:Project")
def read_project(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties | None:
    """Return the project's settings."""
    name = made.id.rpartition("/")[2]
    projects = aws.client("codebuild").batch_get_projects(names=[name])["projects"]
    return _parse_project(projects[0]) if projects else None


@register_deleter("aws:codebuild/project:Project")
def delete_project(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the project. The logs of its builds remain."""
    aws.client("codebuild").delete_project(name=made.id.rpartition("/")[2])


def _convert_project(properties: Properties) -> dict[str, Any]:
    environment = read_single_block(properties["environment"])
    arguments: dict[str, Any] = {
        "source": pick_properties(read_single_block(properties["source"]), **SOURCE),
        "artifacts": pick_properties(read_single_block(properties["artifacts"]), **ARTIFACTS),
        "environment": {
            **pick_properties(environment, **ENVIRONMENT),
            "environmentVariables": [
                {"type": "PLAINTEXT", **variable}
                for variable in environment.get("environmentVariables") or []
            ],
        },
        "tags": build_tag_list(properties, key="key", value="value"),
        **pick_properties(properties, **PROJECT),
    }
    cache = read_single_block(properties.get("cache"))
    if cache:
        arguments["cache"] = pick_properties(cache, **CACHE)
    logs = read_single_block(properties.get("logsConfig"))
    if logs:
        arguments["logsConfig"] = _convert_log_settings(logs)
    return arguments


def _convert_log_settings(logs: Properties) -> dict[str, Any]:
    config: dict[str, Any] = {}
    group = read_single_block(logs.get("cloudwatchLogs"))
    if group:
        config["cloudWatchLogs"] = {"status": "ENABLED", **pick_properties(group, **LOG_GROUP)}
    archive = read_single_block(logs.get("s3Logs"))
    if archive:
        config["s3Logs"] = {"status": "DISABLED", **pick_properties(archive, **LOG_ARCHIVE)}
    return config


def _parse_project(project: Properties) -> Properties:
    environment, logs = project["environment"], project.get("logsConfig", {})
    return {
        "artifacts": parse_answer(project["artifacts"], **ARTIFACTS),
        "cache": parse_answer(project.get("cache", {}), **CACHE),
        "environment": {
            **parse_answer(environment, **ENVIRONMENT),
            "environmentVariables": environment.get("environmentVariables", []),
        },
        "logsConfig": {
            "cloudwatchLogs": parse_answer(logs.get("cloudWatchLogs", {}), **LOG_GROUP),
            "s3Logs": parse_answer(logs.get("s3Logs", {}), **LOG_ARCHIVE),
        },
        "source": parse_answer(project["source"], **SOURCE),
        "tags": parse_tag_list(project.get("tags", []), key="key", value="value"),
        **parse_answer(project, name="name", **PROJECT),
    }
