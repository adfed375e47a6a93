"""ShopStore: tables, keys, and the policy of the web application that uses them (T8, S2)."""

import json
from typing import Any

import pytest

from components.core.grants import Grant
from components.shops.store import ShopStore, ShopStoreArgs
from tests.components.recorder import record_program, recording
from tests.components.stages import stage

NAMES = ("shops", "jobs", "import-history")
ARN = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev"
TOKENS = "arn:aws:kms:ap-southeast-1:123456789012:key/shop-tokens"
OF_A_SHOP = {
    "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "shop"},
    "Null": {"kms:EncryptionContext:shop": "false"},
}


@pytest.mark.parametrize("on", ["dev", "staging", "production"])
def test_the_tables_of_shops_are_recoverable_in_every_stage(on: str) -> None:
    """T8."""
    tables = [recording(on).one("aws:dynamodb/table:Table", name).inputs for name in NAMES]
    assert [table["name"] for table in tables] == [f"anchor-{on}-{name}" for name in NAMES]
    assert [table["pointInTimeRecovery"] for table in tables] == [{"enabled": True}] * 3


def test_the_policy_allows_what_the_repositories_call() -> None:
    """T3, S2: a token is encrypted and decrypted with its shop as the one context there is."""
    policy = recording("dev").one("aws:iam/policy:Policy", "shop-store").inputs
    assert policy["name"] == "anchor-dev-shop-store"
    statements = json.loads(policy["policy"])["Statement"]
    said = {tuple(one["Action"]): (one["Resource"], one.get("Condition")) for one in statements}
    assert said == {
        ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"): ([f"{ARN}-shops"], None),
        ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"): (
            [f"{ARN}-jobs"],
            None,
        ),
        ("dynamodb:Query",): ([f"{ARN}-jobs/index/ShopIndex", f"{ARN}-jobs/index/StatusIndex"], None),
        ("dynamodb:PutItem", "dynamodb:Query"): ([f"{ARN}-import-history"], None),
        ("kms:Encrypt",): ([TOKENS], OF_A_SHOP),
        ("kms:Decrypt",): ([TOKENS], OF_A_SHOP),
        ("kms:GenerateMac",): (["arn:aws:kms:ap-southeast-1:123456789012:key/shop-cursors"], None),
    }


def test_who_writes_tokens_need_not_be_able_to_read_them() -> None:
    """S2."""
    grants: list[Grant] = []

    def program() -> None:
        store = ShopStore("shops", ShopStoreArgs(stage=stage(), account="123456789012"))
        grants.extend((store.grant_tokens_encrypt(), store.grant_tokens_decrypt()))

    record_program(program)
    assert [grant.actions for grant in grants] == [("kms:Encrypt",), ("kms:Decrypt",)]
    conditions: list[Any] = [grant.conditions for grant in grants]
    assert conditions == [OF_A_SHOP, OF_A_SHOP]


def test_the_web_application_finds_the_policy_by_the_stacks_outputs() -> None:
    """G5."""
    assert recording("dev").outputs["shopStorePolicyArn"].endswith(":policy/anchor-dev-shop-store")
