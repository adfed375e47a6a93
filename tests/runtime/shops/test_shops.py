"""The table of shops (S1)."""

from typing import Any

import pytest
from attrs import evolve

from runtime.shared.dynamodb import ItemTooLargeError
from runtime.shops.errors import ShopChangedError, ShopNotFoundError
from runtime.shops.model import Shop, is_domain
from runtime.shops.tokens import EncryptedToken
from tests.runtime.shops.shop_fixture import OTHER_SHOP, SEALED, SHOP, START, ShopPlatform
from tests.runtime.tables import SHOPS

NEWER = {"plan": {"S": "gold"}, "labels": {"SS": ["a", "b"]}, "limits": {"M": {"jobs": {"N": "3"}}}}


def add_attributes(store: ShopPlatform) -> None:
    """Add attributes to the shop's row, as a newer version of the code would do."""
    row = store.read_row(SHOPS, domain={"S": SHOP})
    store.database.put_item(TableName=SHOPS, Item={**row, **NEWER})


def read_added_attributes(store: ShopPlatform) -> dict[str, object]:
    return {name: value for name, value in store.read_row(SHOPS, domain={"S": SHOP}).items() if name in NEWER}


def test_a_shop_is_found_by_its_domain(store: ShopPlatform) -> None:
    shop = store.install_shop(name="One")
    store.install_shop(OTHER_SHOP)
    assert store.shops.get(SHOP) == shop
    assert shop.name == "One"


@pytest.mark.parametrize("domain", [OTHER_SHOP, "", "x" * 3000, "ONE.shops.example.com", "one..example.com"])
def test_a_missing_shop_is_not_found(store: ShopPlatform, domain: str) -> None:
    store.install_shop()
    with pytest.raises(ShopNotFoundError):
        store.shops.get(domain)
    with pytest.raises(ShopNotFoundError):
        store.shops.uninstall(domain, at=store.clock())


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("my-shop.myshopify.com", True),
        ("xn--bcher-kva.example", True),
        ("a.b", True),
        ("shop", False),
        ("My-shop.example.com", False),
        ("-shop.example.com", False),
        ("shop-.example.com", False),
        ("bücher.example", False),
        ("shop.example.com.", False),
        ("shop.example.com\n", False),
        (f"{'a' * 64}.example.com", False),
        (f"{'a.' * 126}a", True),
        (f"{'a.' * 126}aa", False),
    ],
)
def test_a_domain_is_a_host_name_in_lower_case(text: str, is_valid: bool) -> None:  # noqa: FBT001 - a table
    assert is_domain(text) is is_valid


def test_a_shop_with_an_invalid_domain_is_refused() -> None:
    """Otherwise, two spellings of the same domain would be two tenants."""
    with pytest.raises(ValueError, match="lower-case"):
        Shop(domain="One.example.com", access_token=SEALED, installed_at=START, updated_at=START)


def test_installing_again_replaces_every_field(store: ShopPlatform) -> None:
    store.install_shop(name="One")
    at = store.clock.move(days=1)
    again = store.install_shop(access_token=EncryptedToken(b"new"), scopes=())
    assert again == store.shops.get(SHOP)
    assert (again.name, again.scopes, again.installed_at) == (None, (), at)
    assert again.access_token == b"new"


def test_installing_again_keeps_attributes_of_a_newer_version(store: ShopPlatform) -> None:
    store.install_shop()
    add_attributes(store)
    store.install_shop(name="Two")
    assert read_added_attributes(store) == NEWER


def test_a_late_installation_event_changes_nothing(store: ShopPlatform) -> None:
    newer = store.install_shop()
    with pytest.raises(ShopChangedError):
        store.install_shop(installed_at=store.clock.move(seconds=-1))
    assert store.shops.get(SHOP) == newer


def test_an_update_writes_the_fields_that_differ_and_no_others(store: ShopPlatform) -> None:
    shop = store.install_shop(name="One")
    add_attributes(store)
    at = store.clock.move(seconds=1)
    wanted = evolve(shop, scopes=("a", "b"), name=None, updated_at=at)
    updated = store.shops.update(SHOP, shop, wanted)
    assert updated == evolve(wanted, version=2) == store.shops.get(SHOP)
    assert read_added_attributes(store) == NEWER
    expression = store.calls.arguments[-2]["UpdateExpression"]
    assert expression == "SET #scopes = :scopes, #updatedAt = :updatedAt, #version = :version REMOVE #name"


def test_an_update_without_changes_still_needs_the_shop(store: ShopPlatform) -> None:
    shop = store.install_shop()
    assert store.shops.update(SHOP, shop, shop).version == 2
    store.shops.uninstall(SHOP, at=store.clock())
    with pytest.raises(ShopNotFoundError):
        store.shops.update(SHOP, shop, shop)


@pytest.mark.parametrize("change", [{"name": "Two"}, {"name": "Three"}, {"scopes": ()}, {}])
def test_an_update_from_a_stale_read_is_refused(store: ShopPlatform, change: dict[str, Any]) -> None:
    """Even an equal update, or an update of other fields, is refused: it can depend on the changed field."""
    shop = store.install_shop(name="One")
    winner = store.shops.update(SHOP, shop, evolve(shop, name="Two"))
    with pytest.raises(ShopChangedError):
        store.shops.update(SHOP, shop, evolve(shop, **change))
    assert store.shops.get(SHOP) == winner


def test_an_update_from_a_read_before_a_repeated_installation_is_refused(store: ShopPlatform) -> None:
    """A repeated installation event with the same time also increases the version of the shop."""
    shop = store.install_shop()
    again = store.install_shop()
    assert (shop.version, again.version) == (1, 2)
    with pytest.raises(ShopChangedError):
        store.shops.update(SHOP, shop, evolve(shop, name="Old"))


def test_an_update_does_not_change_a_newer_installation(store: ShopPlatform) -> None:
    shop = store.install_shop()
    store.clock.move(days=1)
    again = store.install_shop()
    with pytest.raises(ShopChangedError):
        store.shops.update(SHOP, shop, evolve(shop, name="Old"))
    assert store.shops.get(SHOP) == again


def test_an_update_does_not_recreate_a_deleted_shop(store: ShopPlatform) -> None:
    shop = store.install_shop()
    store.shops.uninstall(SHOP, at=store.clock())
    with pytest.raises(ShopNotFoundError):
        store.shops.update(SHOP, shop, evolve(shop, name="Ghost"))
    assert store.read_all_rows() == []


def test_an_update_from_a_read_of_another_shop_is_refused(store: ShopPlatform) -> None:
    shop, other = store.install_shop(), store.install_shop(OTHER_SHOP)
    rows = store.read_all_rows()
    for domain, read, wanted in ((SHOP, other, other), (SHOP, shop, other), (SHOP, other, shop)):
        with pytest.raises(ShopNotFoundError):
            store.shops.update(domain, read, wanted)
    assert store.read_all_rows() == rows


def test_uninstalling_deletes_the_row(store: ShopPlatform) -> None:
    store.install_shop()
    store.shops.uninstall(SHOP, at=store.clock())
    with pytest.raises(ShopNotFoundError):
        store.shops.get(SHOP)
    with pytest.raises(ShopNotFoundError):
        store.shops.uninstall(SHOP, at=store.clock())


def test_a_late_uninstallation_event_does_not_delete_a_newer_installation(store: ShopPlatform) -> None:
    before = store.clock()
    store.clock.move(seconds=1)
    shop = store.install_shop()
    with pytest.raises(ShopChangedError):
        store.shops.uninstall(SHOP, at=before)
    assert store.shops.get(SHOP) == shop


def test_a_shop_that_is_too_large_is_refused_before_the_call_with_its_size(store: ShopPlatform) -> None:
    shop = store.install_shop()
    store.calls.operations.clear()
    huge = evolve(shop, name="ü" * 210_000)
    for write in (lambda: store.shops.install(huge), lambda: store.shops.update(SHOP, shop, huge)):
        with pytest.raises(ItemTooLargeError) as refused:
            write()
        assert 420_000 < refused.value.size < 420_300
    assert store.calls.operations == []
