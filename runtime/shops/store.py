"""The shop store of a stage: its repositories and its token cipher, made from the stack output `shopStore`.

A web application connects once, when it starts:

    store = ShopStore.connect(ShopStoreSettings.from_json(os.environ["SHOP_STORE"]))
    shop = store.shops.get("my-shop.example.com")

The application's role needs the policy of the shop store. Its ARN is `policyArn` in the stack output.
"""

import json
import os
from typing import Final, Self, cast

import boto3
from attrs import field, fields, frozen

from runtime.shared.aws import create_client
from runtime.shared.clock import Clock, utc_now
from runtime.shared.converters import to_camel_case
from runtime.shared.cursors import Cursors
from runtime.shared.ids import IdGenerator, make_ulid_generator
from runtime.shared.signing import Signer
from runtime.shops.import_history import ImportHistoryRepository
from runtime.shops.jobs import JobRepository
from runtime.shops.shops import ShopRepository
from runtime.shops.tokens import TokenCipher

_EXPORT: Final = "pulumi stack output shopStore --json -s <stage>"


class ShopStoreSettingsError(ValueError):
    """The settings are not the stack output `shopStore`. The message says how to get this output."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}: use the output of `{_EXPORT}`")


@frozen(kw_only=True)
class ShopStoreSettings:
    """Names of the AWS resources of a stage's shop store. None of them is secret.

    Attributes:
        region: AWS region of the stage.
        shops_table: Name of the table of shops.
        jobs_table: Name of the table of jobs.
        import_history_table: Name of the table of import history.
        token_key_arn: ARN of the KMS key that encrypts access tokens.
        cursor_key_arn: ARN of the KMS key from which the key of list cursors is derived.
    """

    region: str
    shops_table: str
    jobs_table: str
    import_history_table: str
    token_key_arn: str
    cursor_key_arn: str

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the settings in the JSON of the stack output `shopStore`. Other fields are ignored.

        Raises:
            ShopStoreSettingsError: The text is not JSON, or a field is missing or is not a text.
        """
        try:
            parsed: object = json.loads(text)
        except ValueError:
            raise ShopStoreSettingsError("the settings of the shop store are not JSON") from None
        if not isinstance(parsed, dict):
            raise ShopStoreSettingsError("the settings of the shop store are not a JSON object")
        given = cast("dict[str, object]", parsed)
        names = {each.name: to_camel_case(each.name) for each in fields(cls)}
        wrong = [name for name in names.values() if not isinstance(given.get(name), str) or not given[name]]
        if wrong:
            raise ShopStoreSettingsError(f"the settings of the shop store lack {', '.join(wrong)}")
        return cls(**{name: cast("str", given[key]) for name, key in names.items()})


@frozen(kw_only=True)
class ShopStore:
    """The repositories of a stage's shop store. All of them are thread-safe.

    Attributes:
        shops: Connected shops.
        jobs: Import jobs.
        import_history: Results of imports.
        tokens: Encrypts and decrypts access tokens.
        create_job_id: Returns a new id for `Job.queued`.
    """

    shops: ShopRepository
    jobs: JobRepository
    import_history: ImportHistoryRepository
    tokens: TokenCipher
    create_job_id: IdGenerator = field(repr=False)

    @classmethod
    def connect(
        cls, settings: ShopStoreSettings, *, session: boto3.Session | None = None, clock: Clock = utc_now
    ) -> Self:
        """Return the repositories. This makes no call to AWS.

        Args:
            settings: Names of the store's resources.
            session: Credentials. By default, boto3 finds them as usual: environment, profile or role.
            clock: Returns the current time in UTC, in whole milliseconds.
        """
        dynamodb = create_client("dynamodb", region=settings.region, session=session)
        kms = create_client("kms", region=settings.region, session=session)
        cursors = Cursors(key=Signer(kms, settings.cursor_key_arn).derive_cursor_key, clock=clock)
        return cls(
            shops=ShopRepository(client=dynamodb, table=settings.shops_table),
            jobs=JobRepository(client=dynamodb, table=settings.jobs_table, cursors=cursors, clock=clock),
            import_history=ImportHistoryRepository(
                client=dynamodb, table=settings.import_history_table, cursors=cursors, clock=clock
            ),
            tokens=TokenCipher(client=kms, key=settings.token_key_arn),
            create_job_id=make_ulid_generator(clock, os.urandom),
        )
