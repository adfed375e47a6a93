"""Hooks for update requests: apply the members that the emulator ignores.

The emulator (ministack 1.5.33) accepts requests with these members, but keeps the old values.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

from typing import Any, cast

from ministack.services import apigateway, codebuild, cognito

from local.emulator.answers.hooking import Function, Response, replace_function

Json = dict[str, Any]

PROJECT_MEMBERS = ("cache", "concurrentBuildLimit", "logsConfig", "queuedTimeoutInMinutes")


def install_update_hooks() -> None:
    """Install the hooks."""
    replace_function(apigateway, "_update_authorizer", _wrap_update_authorizer)
    replace_function(codebuild, "_update_project", _wrap_update_project)
    replace_function(cognito, "_update_user_pool", _wrap_update_user_pool)


def _wrap_update_authorizer(original: Function) -> Function:
    def update(api_id: str, authorizer_id: str, data: Json) -> Response:
        authorizer: Json | None = apigateway._authorizers.get(api_id, {}).get(authorizer_id)
        if authorizer is not None and "authorizerType" in data:
            authorizer["authorizerType"] = data["authorizerType"]
        return cast("Response", original(api_id, authorizer_id, data))

    return update


def _wrap_update_project(original: Function) -> Function:
    def update(data: Json) -> Response:
        project: Json | None = codebuild._projects.get(data.get("name", ""))
        if project is not None:
            project.update({name: data[name] for name in PROJECT_MEMBERS if name in data})
        return cast("Response", original(data))

    return update


def _wrap_update_user_pool(original: Function) -> Function:
    def update(data: Json) -> Response:
        pool: Json | None = cognito._user_pools.get(data.get("UserPoolId", ""))
        if pool is not None and "PoolName" in data:
            pool["Name"] = data["PoolName"]
        return cast("Response", original(data))

    return update
