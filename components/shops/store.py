"""ShopStore: connected shops, import jobs and import history of a web application outside the stage."""

from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.keys import EncryptionKey, EncryptionKeyArgs
from components.aws.table import TenantTable, TenantTableArgs
from components.aws.table_design import TableDesign
from components.core.component import Component
from components.core.grants import Grant, build_policy_document
from components.core.scope import ResourceScope
from components.shops import tables

_CONTEXT_KEY: Final = "shop"


@attrs.frozen(kw_only=True)
class ShopStoreArgs:
    """Arguments of `ShopStore`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
    """

    scope: ResourceScope


class ShopStore(Component):
    """Three tables, two keys, and an IAM policy for the web application that imports data from shops.

    The web application is not part of the stage, and no function of the stage uses the tables. The
    application reads and writes them with the repositories in `runtime/shops`. Attach the policy to the
    application's role: it allows exactly the calls of these repositories.

    Sessions of the web application are not stored in DynamoDB. They stay in the application's own store.

    Attributes:
        shops: Connected shops.
        jobs: Import jobs.
        history: Import history.
        token_key_arn: ARN of the key that encrypts access tokens.
        cursor_key_arn: ARN of the HMAC key from which the repositories derive the signing key of list
            cursors.
        policy_arn: ARN of the managed policy for the web application's role.
    """

    def __init__(self, name: str, args: ShopStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shops", name, args.scope, opts)
        self._args = args
        self.shops = self._create_table("shops", tables.SHOPS)
        self.jobs = self._create_table("jobs", tables.JOBS)
        self.history = self._create_table("import-history", tables.IMPORT_HISTORY)
        self._token_key = self._create_key(
            "shop-tokens", "Encrypts the access tokens of shops, each with its shop as context", use="encrypt"
        )
        self._cursor_key = self._create_key(
            "shop-cursors",
            "Derives the signing key for the list cursors of the shop store",
            use="sign",
        )
        self.token_key_arn = self._token_key.arn
        self.cursor_key_arn = self._cursor_key.arn
        self.policy_arn = self._create_policy().arn
        self.register_outputs({"policyArn": self.policy_arn})

    @property
    def tables(self) -> dict[str, TenantTable]:
        """Tables by name."""
        return {"shops": self.shops, "jobs": self.jobs, "import-history": self.history}

    @property
    def stack_outputs(self) -> dict[str, pulumi.Input[str]]:
        """Values for the stack output `shopStore`. `ShopStoreSettings` of the store's package reads them."""
        return {
            "region": self.scope.region,
            "shopsTable": self.shops.table_name,
            "jobsTable": self.jobs.table_name,
            "importHistoryTable": self.history.table_name,
            "tokenKeyArn": self.token_key_arn,
            "cursorKeyArn": self.cursor_key_arn,
            "policyArn": self.policy_arn,
        }

    def grant_encrypt_tokens(self) -> Grant:
        """Allow encrypting access tokens, with the shop's domain as encryption context."""
        return self._token_key.grant("Encrypt", context=_CONTEXT_KEY)

    def grant_decrypt_tokens(self) -> Grant:
        """Allow decrypting access tokens, with the shop's domain as encryption context."""
        return self._token_key.grant("Decrypt", context=_CONTEXT_KEY)

    def _create_policy(self) -> aws.iam.Policy:
        grants = (
            self.shops.grant("DeleteItem", "GetItem", "UpdateItem"),
            self.jobs.grant("BatchGetItem", "GetItem", "PutItem", "UpdateItem"),
            self.jobs.grant_query("ShopIndex", "StatusIndex"),
            self.history.grant("PutItem", "Query"),
            self.grant_encrypt_tokens(),
            self.grant_decrypt_tokens(),
            self._cursor_key.grant_sign(),
        )
        return aws.iam.Policy(
            "shop-store",
            name=f"{self.scope.prefix}-shop-store",
            description="What the repositories of the shop store do, for the web application's role",
            policy=build_policy_document(grants),
            opts=self.child_opts,
        )

    def _create_table(self, name: str, design: TableDesign) -> TenantTable:
        return TenantTable(
            name,
            # Recovery is on in every stage, because data of a disconnected shop cannot be imported again.
            TenantTableArgs(scope=self.scope, design=design, point_in_time_recovery=True),
            self.child_opts,
        )

    def _create_key(self, name: str, purpose: str, *, use: Literal["encrypt", "sign"]) -> EncryptionKey:
        return EncryptionKey(
            name,
            EncryptionKeyArgs(scope=self.scope, purpose=purpose, use=use),
            self.child_opts,
        )
