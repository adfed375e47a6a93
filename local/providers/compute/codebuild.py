"""CodeBuild: build projects. The local runner runs their builds (local/builds/runner.py)."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    pick_properties,
    read_single_block,
)


@creates("aws:codebuild/project:Project")
def create_project(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a project."""
    name = declared.physical_name()
    made = aws.client("codebuild").create_project(name=name, **_build_project(declared.properties))["project"]
    return CreatedResource(id=made["arn"], outputs={"arn": made["arn"], "name": name})


@updates("aws:codebuild/project:Project")
def update_project(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the project's settings."""
    aws.client("codebuild").update_project(name=made.outputs["name"], **_build_project(declared.properties))
    return made


@deletes("aws:codebuild/project:Project")
def delete_project(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the project. The logs of its builds remain."""
    aws.client("codebuild").delete_project(name=made.outputs["name"])


def _build_project(properties: Properties) -> dict[str, Any]:
    environment = read_single_block(properties["environment"])
    source = read_single_block(properties["source"])
    arguments: dict[str, Any] = {
        "source": pick_properties(source, type="type", buildspec="buildspec", location="location"),
        "artifacts": pick_properties(
            read_single_block(properties["artifacts"]),
            type="type",
            location="location",
            path="path",
            name="name",
            packaging="packaging",
            namespaceType="namespaceType",
            overrideArtifactName="overrideArtifactName",
            encryptionDisabled="encryptionDisabled",
        ),
        "environment": {
            **pick_properties(
                environment,
                type="type",
                image="image",
                computeType="computeType",
                privilegedMode="privilegedMode",
                imagePullCredentialsType="imagePullCredentialsType",
            ),
            "environmentVariables": [
                {"type": "PLAINTEXT", **variable}
                for variable in environment.get("environmentVariables") or []
            ],
        },
        "tags": build_tag_list(properties, key="key", value="value"),
        **pick_properties(
            properties,
            serviceRole="serviceRole",
            description="description",
            sourceVersion="sourceVersion",
            timeoutInMinutes="buildTimeout",
            queuedTimeoutInMinutes="queuedTimeout",
            concurrentBuildLimit="concurrentBuildLimit",
            encryptionKey="encryptionKey",
        ),
    }
    cache = read_single_block(properties.get("cache"))
    if cache:
        arguments["cache"] = pick_properties(cache, type="type", location="location", modes="modes")
    logs = read_single_block(properties.get("logsConfig"))
    if logs:
        arguments["logsConfig"] = _build_logs(logs)
    return arguments


def _build_logs(logs: Properties) -> dict[str, Any]:
    config: dict[str, Any] = {}
    group = read_single_block(logs.get("cloudwatchLogs"))
    if group:
        config["cloudWatchLogs"] = {
            "status": group.get("status", "ENABLED"),
            **pick_properties(group, groupName="groupName", streamName="streamName"),
        }
    archive = read_single_block(logs.get("s3Logs"))
    if archive:
        config["s3Logs"] = {
            "status": archive.get("status", "DISABLED"),
            **pick_properties(archive, location="location", encryptionDisabled="encryptionDisabled"),
        }
    return config
