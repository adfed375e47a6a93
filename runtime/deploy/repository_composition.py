# ruff: noqa: PLC0415 - functions only import what their service needs
"""The part of the composition root that creates repositories. `composition.py` passes them to services."""

import os
from typing import TYPE_CHECKING

from runtime.deploy.environments import AuditTable, DeployKeyStoreEnvironment, TableNames
from runtime.shared import aws
from runtime.shared.clock import utc_now

if TYPE_CHECKING:
    from runtime.deploy.audit.trail import AuditTrail
    from runtime.deploy.repositories.deploy_keys import DeployKeyStore
    from runtime.deploy.repositories.deployments import DeploymentRepository
    from runtime.deploy.repositories.idempotency import IdempotencyRepository
    from runtime.deploy.repositories.projects import ProjectRepository
    from runtime.deploy.repositories.retention import RetentionRepository


def create_project_repository(environment: TableNames) -> "ProjectRepository":
    """Return the repository of projects."""
    from runtime.deploy.repositories.projects import ProjectRepository

    return ProjectRepository(client=aws.client("dynamodb"), table=environment.projects_table)


def create_deployment_repository(environment: TableNames) -> "DeploymentRepository":
    """Return the repository of deployments."""
    from runtime.deploy.repositories.deployments import DeploymentRepository

    return DeploymentRepository(
        client=aws.client("dynamodb"),
        table=environment.deployments_table,
        projects=create_project_repository(environment),
    )


def create_audit_trail(environment: AuditTable) -> "AuditTrail":
    """Return what builds the entries of the audit log."""
    from runtime.deploy.audit.trail import AuditTrail
    from runtime.shared.ids import make_ulid_generator

    return AuditTrail(table=environment.audit_table, ids=make_ulid_generator(utc_now, os.urandom))


def create_deploy_key_store(environment: DeployKeyStoreEnvironment) -> "DeployKeyStore":
    """Return the store of deploy keys."""
    from runtime.deploy.repositories.deploy_keys import DeployKeyStore

    return DeployKeyStore(
        client=aws.client("ssm"), key=environment.secrets_key_arn, path=environment.deploy_keys_path
    )


def create_retention_repository(environment: TableNames) -> "RetentionRepository":
    """Return the repository of kept and collected releases."""
    from runtime.deploy.repositories.retention import RetentionRepository

    return RetentionRepository(
        client=aws.client("dynamodb"),
        deployments_table=environment.deployments_table,
        projects_table=environment.projects_table,
    )


def create_idempotency_repository(table: str) -> "IdempotencyRepository":
    """Return the repository of idempotency keys in a table."""
    from runtime.deploy.repositories.idempotency import IdempotencyRepository

    return IdempotencyRepository(client=aws.client("dynamodb"), table=table)
