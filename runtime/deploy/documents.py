"""Projects and deployments as the API's JSON. Field by field: nothing is shown that is not listed here."""

from typing import Any

from runtime.deploy.model import Deployment, Project, Site
from runtime.shared.clock import to_text


def project_document(project: Project, site: Site | None) -> dict[str, Any]:
    """Return a project as the API shows it to its owner."""
    return {
        "projectId": project.project_id,
        "name": project.name,
        "site": project.site,
        "repositoryUrl": project.repository_url,
        "branch": project.branch,
        "url": site.url() if site else None,
        "createdAt": to_text(project.created_at),
        "updatedAt": to_text(project.updated_at),
        "live": {"deploymentId": project.live.deployment_id} if project.live else None,
        "pinned": project.pinned,
    }


def deployment_document(deployment: Deployment) -> dict[str, Any]:
    """Return a deployment as the API shows it to its owner; `url`, `liveAt`, `failure` once they exist."""
    document: dict[str, Any] = {
        "deploymentId": deployment.deployment_id,
        "projectId": deployment.project_id,
        "status": deployment.status.value,
        "branch": deployment.branch,
        "commitSha": deployment.commit_sha,
        "commitMessage": deployment.commit_message,
        "commitAuthor": deployment.commit_author,
        "source": deployment.source.value,
        "createdAt": to_text(deployment.created_at),
        "updatedAt": to_text(deployment.updated_at),
    }
    if deployment.release:
        document["url"] = deployment.release.url
    if deployment.live_at:
        document["liveAt"] = to_text(deployment.live_at)
    if deployment.failure:
        document["failure"] = {
            "step": deployment.failure.step,
            "reason": deployment.failure.reason,
            "logTail": list(deployment.failure.log_tail),
        }
    return document


def variables_document(project: Project) -> dict[str, Any]:
    """Return a project's variables; a secret has a name and no value (A4)."""
    return {
        "variables": [
            {"name": variable.name, "isSecret": True}
            if variable.is_secret
            else {"name": variable.name, "value": variable.value, "isSecret": False}
            for variable in project.variables
        ]
    }
