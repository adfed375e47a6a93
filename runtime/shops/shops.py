"""The table of shops. A shop's domain is its key and its tenant. Each method makes one DynamoDB call.

Writes set single attributes and never replace a row. So attributes that a newer version of this code has
added to a row are kept.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from attrs import evolve, fields, frozen

from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row, to_camel_case, to_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_attribute_names,
    build_attribute_values,
    build_update,
    check_item_size,
    translate_condition_errors,
)
from runtime.shops.errors import ShopChangedError, ShopNotFoundError
from runtime.shops.model import Shop, is_domain

_FIELDS: Final = tuple(each.name for each in fields(Shop) if each.name != "domain")


def _build_shop_key(domain: str) -> Item:
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
        """Return a shop, read strongly consistent. Its token stays encrypted.

        Raises:
            ShopNotFoundError: The shop does not exist.
        """
        if not is_domain(domain):  # untrusted text can be too long for a key
            raise ShopNotFoundError
        response = self.client.get_item(
            TableName=self.table, Key=_build_shop_key(domain), ConsistentRead=True
        )
        if "Item" not in response:
            raise ShopNotFoundError
        return from_row(response["Item"], Shop)

    def install(self, shop: Shop) -> Shop:
        """Write a shop that has installed the application, for the first time or again.

        Returns:
            The stored shop.

        Raises:
            ShopChangedError: The stored shop has a later `installed_at`.
            ItemTooLargeError: The row would be too large.
        """
        return self._write(
            shop,
            [name for name in _FIELDS if name != "version"],
            extra_change=" ADD #version :one",
            when="attribute_not_exists(#domain) OR #installedAt <= :installedAt",
            one=1,
        )

    def update(self, domain: str, read: Shop, wanted: Shop) -> Shop:
        """Write the fields in which `wanted` differs from `read`, if the shop has not changed since the read.

        Args:
            domain: The tenant.
            read: The shop as it was read.
            wanted: The changed shop, with a new `updated_at`.

        Returns:
            The stored shop, with its new `version`.

        Raises:
            ShopNotFoundError: The shop was deleted, or belongs to another tenant.
            ShopChangedError: The shop was changed or installed again.
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
        """Delete the row of a shop. The jobs and the import history of the shop stay until they expire.

        Args:
            domain: The tenant.
            at: Time of the uninstallation. A shop that was installed again later is not deleted.

        Raises:
            ShopNotFoundError: The shop does not exist.
            ShopChangedError: The shop was installed again after `at`.
        """
        if not is_domain(domain):
            raise ShopNotFoundError
        when = "#installedAt <= :at"
        try:
            with translate_condition_errors():
                self.client.delete_item(
                    TableName=self.table,
                    Key=_build_shop_key(domain),
                    ConditionExpression=when,
                    ExpressionAttributeNames=build_attribute_names(when),
                    ExpressionAttributeValues=build_attribute_values(at=at),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailedError as refused:
            raise _create_condition_error(domain, refused) from None

    def _write(
        self, shop: Shop, changed: Iterable[str], *, when: str, extra_change: str = "", **by_name: object
    ) -> Shop:
        check_item_size(to_row(shop))
        given = {name: getattr(shop, name) for name in changed}
        present = {to_camel_case(name): value for name, value in given.items() if value is not None}
        absent = [to_camel_case(name) for name, value in given.items() if value is None]
        change = f"SET {', '.join(f'#{name} = :{name}' for name in present)}{extra_change}"
        if absent:
            change += f" REMOVE {', '.join(f'#{name}' for name in absent)}"
        write = build_update(
            self.table, _build_shop_key(shop.domain), change, when=when, **present, **by_name
        )
        try:
            with translate_condition_errors():
                response = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise _create_condition_error(shop.domain, refused) from None
        return from_row(response["Attributes"], Shop)


def _create_condition_error(
    domain: str, refused: ConditionFailedError
) -> ShopNotFoundError | ShopChangedError:
    return ShopNotFoundError() if refused.item is None else ShopChangedError(domain)
