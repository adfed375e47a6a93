"""ShopStore: what the web application keeps of connected shops and of their imports (S, T8)."""

from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.keys import EncryptionKey, EncryptionKeyArgs
from components.aws.table import TenantTable, TenantTableArgs
from components.aws.table_design import TableDesign
from components.core.component import Component
from components.core.grants import Grant, policy_document
from components.core.stage import StageConfig
from components.shops import tables

_OF_A_SHOP: Final = "shop"


@attrs.frozen(kw_only=True)
class ShopStoreArgs:
    """What the shop store is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id.
    """

    stage: StageConfig
    account: pulumi.Input[str]


class ShopStore(Component):
    """Three tables, the key of the shops' access tokens, and a policy for whoever uses them.

    No function of this program uses it yet: the web application does, with a role of its own to which the
    policy is to be attached. It allows what the repositories of `runtime/shops` call, and nothing else.

    The web application's sessions are in none of these tables, nor anywhere else in DynamoDB: they stay in
    its own store.

    Attributes:
        shops: Connected shops.
        jobs: Import jobs.
        history: What was imported, and when.
        token_key_arn: The key of the access tokens.
        cursor_key_arn: The key of which the repositories derive the one that signs the cursors of lists.
        policy_arn: The managed policy for the web application's role.
    """

    def __init__(self, name: str, args: ShopStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shops", name, args.stage, opts)
        self._args = args
        self.shops = self._table("shops", tables.SHOPS)
        self.jobs = self._table("jobs", tables.JOBS)
        self.history = self._table("import-history", tables.IMPORT_HISTORY)
        self._tokens = self._key(
            "shop-tokens", "Encrypts the access tokens of shops, each with its shop as context", use="encrypt"
        )
        self._cursors = self._key(
            "shop-cursors",
            "Derives the key that the cursors of the shop store's lists are signed with",
            use="sign",
        )
        self.token_key_arn = self._tokens.arn
        self.cursor_key_arn = self._cursors.arn
        self.policy_arn = self._policy().arn
        self.register_outputs({"policyArn": self.policy_arn})

    @property
    def tables(self) -> dict[str, TenantTable]:
        """Its tables, by name."""
        return {"shops": self.shops, "jobs": self.jobs, "import-history": self.history}

    def grant_tokens_encrypt(self) -> Grant:
        """Allow encrypting access tokens, each with its shop's domain as context."""
        return self._tokens.grant("Encrypt", context=_OF_A_SHOP)

    def grant_tokens_decrypt(self) -> Grant:
        """Allow decrypting access tokens, for who says the shop's domain."""
        return self._tokens.grant("Decrypt", context=_OF_A_SHOP)

    def _policy(self) -> aws.iam.Policy:
        grants = (
            self.shops.grant("DeleteItem", "GetItem", "UpdateItem"),
            self.jobs.grant("BatchGetItem", "GetItem", "PutItem", "UpdateItem"),
            self.jobs.grant_query("ShopIndex", "StatusIndex"),
            self.history.grant("PutItem", "Query"),
            self.grant_tokens_encrypt(),
            self.grant_tokens_decrypt(),
            self._cursors.grant_sign(),
        )
        return aws.iam.Policy(
            "shop-store",
            name=f"{self.stage.prefix}-shop-store",
            description="What the repositories of the shop store do, for the web application's role",
            policy=policy_document(grants),
            opts=self.inside,
        )

    def _table(self, name: str, design: TableDesign) -> TenantTable:
        return TenantTable(
            name,
            # What was imported cannot be asked for again of a shop that has left.
            TenantTableArgs(stage=self.stage, design=design, point_in_time_recovery="always"),
            self.inside,
        )

    def _key(self, name: str, purpose: str, *, use: Literal["encrypt", "sign"]) -> EncryptionKey:
        return EncryptionKey(
            name,
            EncryptionKeyArgs(stage=self.stage, account=self._args.account, purpose=purpose, use=use),
            self.inside,
        )
