"""UserIdentity and PlatformKeys: users, and the keys for signing and encryption."""

import json

import pytest

from runtime.deploy.api import routes as deploy_routes
from runtime.images.service import routes as image_routes
from tests.components.recorder import get_recording

KEY = "aws:kms/key:Key"


def test_passwords_are_long_and_only_administrators_create_users() -> None:
    """Requirement A1."""
    (pool,) = get_recording("dev").find_by_type("aws:cognito/userPool:UserPool")
    assert pool.inputs["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    assert pool.inputs["passwordPolicy"]["minimumLength"] == 12
    assert pool.inputs["mfaConfiguration"] == "OPTIONAL"


def test_each_api_has_a_group_of_users() -> None:
    """Requirement X20."""
    groups = get_recording("dev").find_by_type("aws:cognito/userGroup:UserGroup")
    assert {group.inputs["name"] for group in groups} == {deploy_routes.GROUP, image_routes.GROUP}


def test_the_client_allows_sign_in_by_password_or_srp_and_does_not_reveal_users() -> None:
    """Requirements A1 and A5."""
    (client,) = get_recording("dev").find_by_type("aws:cognito/userPoolClient:UserPoolClient")
    assert client.inputs["explicitAuthFlows"] == [
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    ]
    assert client.inputs["preventUserExistenceErrors"] == "ENABLED"
    assert client.inputs["generateSecret"] is False


def test_the_signing_key_only_computes_hmacs() -> None:
    """Requirement P1."""
    key = get_recording("dev").find_resource(KEY, "signing").inputs
    assert (key["keyUsage"], key["customerMasterKeySpec"]) == ("GENERATE_VERIFY_MAC", "HMAC_256")


def test_encryption_keys_rotate_and_hmac_keys_do_not() -> None:
    """Requirements A4 and S2."""
    rotates = {
        key.name: key.inputs.get("enableKeyRotation") for key in get_recording("dev").find_by_type(KEY)
    }
    assert rotates == {
        "secrets": True,
        "shop-tokens": True,
        "signing": None,
        "image-cursors": None,
        "shop-cursors": None,
    }


@pytest.mark.parametrize(("stage", "days"), [("production", 30), ("dev", 7)])
def test_the_deletion_window_of_a_key_follows_the_stage(stage: str, days: int) -> None:
    """Requirement G3."""
    assert {key.inputs["deletionWindowInDays"] for key in get_recording(stage).find_by_type(KEY)} == {days}


def test_the_accounts_administrators_manage_the_keys() -> None:
    for key in get_recording("dev").find_by_type(KEY):
        (statement,) = json.loads(key.inputs["policy"])["Statement"]
        assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


def test_keys_have_readable_aliases() -> None:
    aliases = {alias.inputs["name"] for alias in get_recording("dev").find_by_type("aws:kms/alias:Alias")}
    assert aliases == {
        f"alias/anchor-dev-{name}"
        for name in ("signing", "secrets", "image-cursors", "shop-cursors", "shop-tokens")
    }
