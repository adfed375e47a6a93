"""ShopStore: keys, and the policy for the web application (T8, S2)."""

import json
from typing import Any

from components.core.grants import Grant
from components.shops.store import ShopStore, ShopStoreArgs
from runtime.shops.store import ShopStoreSettings
from tests.components.recorder import get_recording, record_program
from tests.components.stages import make_scope

ARN = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev"
TOKEN_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/shop-tokens"
SHOP_CONTEXT = {
    "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "shop"},
    "Null": {"kms:EncryptionContext:shop": "false"},
}


def test_the_policy_allows_the_actions_of_the_repositories() -> None:
    """T3, S2: the encryption context of an access token contains only the shop."""
    policy = get_recording("dev").find_resource("aws:iam/policy:Policy", "shop-store").inputs
    assert policy["name"] == "anchor-dev-shop-store"
    statements = json.loads(policy["policy"])["Statement"]
    permissions = {tuple(one["Action"]): (one["Resource"], one.get("Condition")) for one in statements}
    assert permissions == {
        ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"): ([f"{ARN}-shops"], None),
        ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"): (
            [f"{ARN}-jobs"],
            None,
        ),
        ("dynamodb:Query",): ([f"{ARN}-jobs/index/ShopIndex", f"{ARN}-jobs/index/StatusIndex"], None),
        ("dynamodb:PutItem", "dynamodb:Query"): ([f"{ARN}-import-history"], None),
        ("kms:Encrypt",): ([TOKEN_KEY], SHOP_CONTEXT),
        ("kms:Decrypt",): ([TOKEN_KEY], SHOP_CONTEXT),
        ("kms:GenerateMac",): (["arn:aws:kms:ap-southeast-1:123456789012:key/shop-cursors"], None),
    }


def test_writing_and_reading_tokens_are_separate_grants() -> None:
    """Requirement S2."""
    grants: list[Grant] = []

    def define_resources() -> None:
        store = ShopStore("shops", ShopStoreArgs(scope=make_scope()))
        grants.extend((store.grant_encrypt_tokens(), store.grant_decrypt_tokens()))

    record_program(define_resources)
    assert [grant.actions for grant in grants] == [("kms:Encrypt",), ("kms:Decrypt",)]
    conditions: list[Any] = [grant.conditions for grant in grants]
    assert conditions == [SHOP_CONTEXT, SHOP_CONTEXT]


def test_the_stack_output_contains_the_settings_of_the_package() -> None:
    """Requirements G5 and W1."""
    output = get_recording("dev").outputs["shopStore"]
    settings = ShopStoreSettings.from_json(json.dumps(output))
    assert settings == ShopStoreSettings(
        region="ap-southeast-1",
        shops_table="anchor-dev-shops",
        jobs_table="anchor-dev-jobs",
        import_history_table="anchor-dev-import-history",
        token_key_arn=TOKEN_KEY,
        cursor_key_arn="arn:aws:kms:ap-southeast-1:123456789012:key/shop-cursors",
    )
    assert output["policyArn"] == get_recording("dev").outputs["shopStorePolicyArn"]
