"""CodeBuild: projects. Their builds run in our runner (local/emulator/builds.py)."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tag_list


@creates("aws:codebuild/project:Project")
def project(aws: Aws, declared: Declared) -> Made:
    """A project."""
    name = declared.named()
    made = aws.client("codebuild").create_project(name=name, **_project(declared.properties))["project"]
    return Made(id=made["arn"], outputs={"arn": made["arn"], "name": name})


@updates("aws:codebuild/project:Project")
def update_project(aws: Aws, declared: Declared, made: Made) -> Made:
    """Everything but its name."""
    aws.client("codebuild").update_project(name=made.outputs["name"], **_project(declared.properties))
    return made


@deletes("aws:codebuild/project:Project")
def delete_project(aws: Aws, _declared: Declared, made: Made) -> None:
    """Its builds' logs stay."""
    aws.client("codebuild").delete_project(name=made.outputs["name"])


def _project(properties: Properties) -> dict[str, Any]:
    environment = one(properties["environment"])
    source = one(properties["source"])
    arguments: dict[str, Any] = {
        "source": given(source, type="type", buildspec="buildspec", location="location"),
        "artifacts": given(
            one(properties["artifacts"]),
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
            **given(
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
        "tags": tag_list(properties, key="key", value="value"),
        **given(
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
    cache = one(properties.get("cache"))
    if cache:
        arguments["cache"] = given(cache, type="type", location="location", modes="modes")
    logs = one(properties.get("logsConfig"))
    if logs:
        arguments["logsConfig"] = _logs(logs)
    return arguments


def _logs(logs: Properties) -> dict[str, Any]:
    config: dict[str, Any] = {}
    group = one(logs.get("cloudwatchLogs"))
    if group:
        config["cloudWatchLogs"] = {
            "status": group.get("status", "ENABLED"),
            **given(group, groupName="groupName", streamName="streamName"),
        }
    archive = one(logs.get("s3Logs"))
    if archive:
        config["s3Logs"] = {
            "status": archive.get("status", "DISABLED"),
            **given(archive, location="location", encryptionDisabled="encryptionDisabled"),
        }
    return config
