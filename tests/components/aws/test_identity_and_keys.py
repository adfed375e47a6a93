"""UserIdentity and PlatformKeys: who signs in, and what the platform signs and encrypts with."""

import json

import pytest

from tests.components.recorder import recording

KEY = "aws:kms/key:Key"


def test_strangers_do_not_sign_up_and_passwords_are_long() -> None:
    """A1."""
    (pool,) = recording("dev").of("aws:cognito/userPool:UserPool")
    assert pool.inputs["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    assert pool.inputs["passwordPolicy"]["minimumLength"] == 12
    assert pool.inputs["mfaConfiguration"] == "OPTIONAL"


def test_the_client_signs_in_by_password_or_srp_and_tells_no_one_who_exists() -> None:
    """A1, A5."""
    (client,) = recording("dev").of("aws:cognito/userPoolClient:UserPoolClient")
    assert client.inputs["explicitAuthFlows"] == [
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    ]
    assert client.inputs["preventUserExistenceErrors"] == "ENABLED"
    assert client.inputs["generateSecret"] is False


def test_the_signing_key_makes_macs_and_nothing_else() -> None:
    """P1."""
    key = recording("dev").one(KEY, "signing").inputs
    assert (key["keyUsage"], key["customerMasterKeySpec"]) == ("GENERATE_VERIFY_MAC", "HMAC_256")


def test_keys_that_encrypt_rotate_and_those_that_sign_cannot() -> None:
    """A4, S2."""
    rotates = {key.name: key.inputs.get("enableKeyRotation") for key in recording("dev").of(KEY)}
    assert rotates == {
        "secrets": True,
        "shop-tokens": True,
        "signing": None,
        "image-cursors": None,
        "shop-cursors": None,
    }


@pytest.mark.parametrize(("stage", "days"), [("production", 30), ("dev", 7)])
def test_a_deleted_key_can_be_had_back_for_days(stage: str, days: int) -> None:
    """G3."""
    assert {key.inputs["deletionWindowInDays"] for key in recording(stage).of(KEY)} == {days}


def test_the_accounts_administrators_manage_the_keys() -> None:
    for key in recording("dev").of(KEY):
        (statement,) = json.loads(key.inputs["policy"])["Statement"]
        assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


def test_keys_have_names_an_operator_can_read() -> None:
    aliases = {alias.inputs["name"] for alias in recording("dev").of("aws:kms/alias:Alias")}
    assert aliases == {
        f"alias/anchor-dev-{name}"
        for name in ("signing", "secrets", "image-cursors", "shop-cursors", "shop-tokens")
    }
