"""The table of shops. A shop's domain is its key and its tenant; each method makes one DynamoDB call.

Writes set single attributes and never put a whole row: what a newer version of this code has added to a row
stays there.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from attrs import evolve, fields, frozen

from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import to_camel_case, from_row, to_row
from runtime.shared.dynamodb import ConditionFailedError, check_item_size, named_condition_errors, attribute_names, build_update, attribute_values
from runtime.shops.errors import ShopChangedError, ShopNotFoundError
from runtime.shops.model import Shop, is_domain

_FIELDS: Final = tuple(each.name for each in fields(Shop) if each.name != "domain")


def _shop_key(domain: str) -> Item:
    return {"domain": {"S": domain}}


@frozen(kw_only=True)
class ShopRepository:
    """Reads and writes shops.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the table of shops.
    """

    client: DynamoDBClient
    table: str

    def get(self, domain: str) -> Shop:
        """Read a shop as it stands now (strongly consistent). Its token stays encrypted.

        Raises:
            ShopNotFoundError: There is none.
        """
        if not is_domain(domain):  # a stranger's text may be too long for a key
            raise ShopNotFoundError
        response = self.client.get_item(TableName=self.table, Key=_shop_key(domain), ConsistentRead=True)
        if "Item" not in response:
            raise ShopNotFoundError
        return from_row(response["Item"], Shop)

    def install(self, shop: Shop) -> Shop:
        """Write a shop that has installed the application, for the first time or again.

        Returns:
            The shop as it is stored now.

        Raises:
            ShopChangedError: It was installed after this, at a later `installed_at`.
            ItemTooLargeError: The row would be too large.
        """
        return self._write(
            shop,
            [name for name in _FIELDS if name != "version"],
            also=" ADD #version :one",
            when="attribute_not_exists(#domain) OR #installedAt <= :installedAt",
            one=1,
        )

    def update(self, domain: str, read: Shop, wanted: Shop) -> Shop:
        """Write the fields in which `wanted` differs from `read`, if the shop is still as it was read.

        Args:
            domain: The tenant.
            read: The shop as it was read.
            wanted: The same, evolved, with its new `updated_at`.

        Returns:
            The shop as it is stored now, with its new `version`.

        Raises:
            ShopNotFoundError: It is gone, or another tenant's.
            ShopChangedError: It was changed or installed again in the meantime.
            ItemTooLargeError: The row would be too large.
        """
        if not domain == read.domain == wanted.domain:
            raise ShopNotFoundError
        wanted = evolve(wanted, version=read.version + 1)
        return self._write(
            wanted,
            [name for name in _FIELDS if getattr(read, name) != getattr(wanted, name)],
            when="#version = :read AND #installedAt = :installation",
            read=read.version,
            installation=read.installed_at,
        )

    def uninstall(self, domain: str, *, at: datetime) -> None:
        """Delete a shop, with all that is in its row. Its jobs and its history end by themselves.

        Args:
            domain: The tenant.
            at: When it was uninstalled: an event that comes late does not delete a newer installation.

        Raises:
            ShopNotFoundError: There is none (any more).
            ShopChangedError: It was installed again since then.
        """
        if not is_domain(domain):
            raise ShopNotFoundError
        when = "#installedAt <= :at"
        try:
            with named_condition_errors():
                self.client.delete_item(
                    TableName=self.table,
                    Key=_shop_key(domain),
                    ConditionExpression=when,
                    ExpressionAttributeNames=attribute_names(when),
                    ExpressionAttributeValues=attribute_values(at=at),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailedError as refused:
            raise _describe_failed_condition(domain, refused) from None

    def _write(
        self, shop: Shop, changed: Iterable[str], *, when: str, also: str = "", **by_name: object
    ) -> Shop:
        check_item_size(to_row(shop))
        given = {name: getattr(shop, name) for name in changed}
        present = {to_camel_case(name): value for name, value in given.items() if value is not None}
        absent = [to_camel_case(name) for name, value in given.items() if value is None]
        change = f"SET {', '.join(f'#{name} = :{name}' for name in present)}{also}"
        if absent:
            change += f" REMOVE {', '.join(f'#{name}' for name in absent)}"
        write = build_update(self.table, _shop_key(shop.domain), change, when=when, **present, **by_name)
        try:
            with named_condition_errors():
                response = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise _describe_failed_condition(shop.domain, refused) from None
        return from_row(response["Attributes"], Shop)


def _describe_failed_condition(domain: str, refused: ConditionFailedError) -> ShopNotFoundError | ShopChangedError:
    return ShopNotFoundError() if refused.item is None else ShopChangedError(domain)
