"""Conversion of projects and deployments to the API's JSON. Only the fields listed here are shown."""

from typing import TYPE_CHECKING

from runtime.deploy.api.answers import (
    AuditDocument,
    DeployKeyDocument,
    DeploymentDocument,
    FunctionLogDocument,
    LogDocument,
    ProjectDocument,
    PromotedDocument,
    SiteDocument,
    VariableDocument,
    VariablesDocument,
)
from runtime.deploy.api.deploy_keys import ShownDeployKey
from runtime.deploy.audit.model import AuditEntry
from runtime.deploy.builds.build_logs import LogLine
from runtime.deploy.function_logs.reading import FunctionLogPage
from runtime.deploy.model import Deployment, Project, Site, Status, Variable
from runtime.deploy.repositories.sites import OfferedSite
from runtime.shared.clock import format_time
from runtime.shared.pages import Page

if TYPE_CHECKING:
    # Only the function `promote` loads this module.
    from runtime.deploy.releases.switching import Promotion


def build_project_document(project: Project, site: Site | None) -> ProjectDocument:
    """Return a project as shown to its owner."""
    return {
        "projectId": project.project_id,
        "name": project.name,
        "site": project.site,
        "repositoryUrl": project.repository_url,
        "branch": project.branch,
        "url": site.build_url() if site else None,
        "createdAt": format_time(project.created_at),
        "updatedAt": format_time(project.updated_at),
        "live": {"deploymentId": project.live.deployment_id} if project.live else None,
        "pinned": project.pinned,
        "deleting": project.deleting_at is not None,
        "hostKeys": list(project.host_keys),
        "rootDirectory": project.root_directory,
        "securityHeaders": project.security_headers,
    }


def build_deployment_document(deployment: Deployment) -> DeploymentDocument:
    """Return a deployment as shown to its owner, with `url`, times and `failure` if they exist."""
    document: DeploymentDocument = {
        "deploymentId": deployment.deployment_id,
        "projectId": deployment.project_id,
        "status": _find_shown_status(deployment).value,
        "branch": deployment.branch,
        "commitSha": deployment.commit_sha,
        "commitMessage": deployment.commit_message,
        "commitAuthor": deployment.commit_author,
        "source": deployment.source.value,
        "createdAt": format_time(deployment.created_at),
        "updatedAt": format_time(deployment.updated_at),
    }
    if deployment.status_reason:
        document["statusReason"] = deployment.status_reason
    if deployment.release and not deployment.collected_at:  # a collected release is no longer served
        document["url"] = deployment.release.url
        if deployment.release.warnings:
            document["warnings"] = list(deployment.release.warnings)
    if deployment.released_at:
        document["releasedAt"] = format_time(deployment.released_at)
    if deployment.live_at:
        document["liveAt"] = format_time(deployment.live_at)
    if deployment.failure:
        document["failure"] = {
            "step": deployment.failure.step,
            "reason": deployment.failure.reason,
            "logTail": list(deployment.failure.log_tail),
        }
        if deployment.failure.advice:
            document["failure"]["advice"] = deployment.failure.advice
    return document


def _find_shown_status(deployment: Deployment) -> Status:
    # Earlier versions left the live deployment of a deleted project `live`.
    is_withdrawn = deployment.status is Status.LIVE and deployment.collected_at is not None
    return Status.RETIRED if is_withdrawn else deployment.status


def build_promoted_document(promotion: "Promotion") -> PromotedDocument:
    """Return the result of a promotion."""
    return {
        **build_deployment_document(promotion.deployment),
        "pinned": promotion.pinned,
        "live": {"deploymentId": promotion.live} if promotion.live else None,
        "previous": {"deploymentId": promotion.replaced} if promotion.replaced else None,
    }


def make_log_document(page: Page[LogLine]) -> LogDocument:
    """Return a page of a build log."""
    return {
        "lines": [
            {"at": format_time(line.at) if line.at else None, "text": line.text} for line in page.items
        ],
        "cursor": page.cursor,
    }


def make_function_log_document(page: FunctionLogPage) -> FunctionLogDocument:
    """Return a page of a run-time log."""
    return {
        "lines": [
            {
                "at": format_time(line.at),
                "level": line.level,
                "requestId": line.request_id,
                "deploymentId": line.deployment_id,
                "text": line.text,
            }
            for line in page.lines
        ],
        "cursor": page.cursor,
        "isUpToDate": page.is_up_to_date,
    }


def build_audit_document(page: Page[AuditEntry]) -> AuditDocument:
    """Return a page of an audit log."""
    return {
        "entries": [
            {
                "entryId": entry.entry_id,
                "at": format_time(entry.at),
                "action": entry.action,
                "actor": {"kind": entry.actor.kind.value, "id": entry.actor.id},
                "channel": entry.origin.channel.value,
                "ip": entry.origin.ip,
                "userAgent": entry.origin.user_agent,
                "requestId": entry.origin.request_id,
                "targetId": entry.target_id,
                "changes": [{"name": each.name, "value": each.value} for each in entry.changes],
            }
            for entry in page.items
        ],
        "cursor": page.cursor,
    }


def build_deploy_key_document(shown: ShownDeployKey) -> DeployKeyDocument:
    """Return the public half of a project's deploy key."""
    return {
        "publicKey": f"{shown.key.public_key} {shown.comment}",
        "fingerprint": shown.key.fingerprint,
        "createdAt": format_time(shown.key.created_at),
        "sshUrl": shown.ssh_url,
        "settingsPage": shown.settings_page,
        "isHostKnown": shown.is_host_known,
        "previous": {
            "fingerprint": shown.previous.fingerprint,
            "usableUntil": format_time(shown.previous_until),
        }
        if shown.previous and shown.previous_until
        else None,
    }


def build_variables_document(project: Project) -> VariablesDocument:
    """Return a project's variables. A secret has a name, but no value."""
    return {
        "version": project.variables_version,
        "variables": [_build_variable_document(variable) for variable in project.variables],
    }


def build_site_document(offered: OfferedSite) -> SiteDocument:
    """Return a site as shown to a user."""
    return {
        "site": offered.site.site,
        "url": offered.site.build_url(),
        "available": offered.is_available,
        "projectId": offered.project_id,
    }


def _build_variable_document(variable: Variable) -> VariableDocument:
    if variable.is_secret or variable.value is None:
        return {"name": variable.name, "isSecret": variable.is_secret}
    return {"name": variable.name, "value": variable.value, "isSecret": False}
