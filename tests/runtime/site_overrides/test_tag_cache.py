"""Cache tags with the rules of Next.js 16 (D7, F1)."""

from typing import Any, Final

import pytest

from tests.runtime.calls import get_real_client
from tests.runtime.site_overrides.override_host import DEPLOYMENT, TABLE, OverrideHost

NOW: Final = 1_769_851_800_500


def read_tag_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = get_real_client("dynamodb").scan(TableName=TABLE)["Items"]
    return rows


def check_entry(host: OverrideHost, writes: str, *, written: int, at: int) -> tuple[bool, bool]:
    """Return whether an entry with the tag `news` is expired and whether it is stale.

    Args:
        host: Host of the overrides.
        writes: Arguments of `writeTags`.
        written: When the entry was written.
        at: When the entry is read.
    """
    expired, stale = host.run(
        f"""
        setTime({NOW});
        for (const tags of {writes}) await tagCache.writeTags(tags);
        setTime({at});
        const tags = ["other", "news"];
        return [await tagCache.hasBeenRevalidated(tags, {written}), await tagCache.isStale(tags, {written})];
        """
    )
    return expired, stale


@pytest.mark.parametrize(
    ("written", "expected"), [(NOW - 1, (True, False)), (NOW, (False, False)), (NOW + 1, (False, False))]
)
@pytest.mark.parametrize("tag", ['"news"', f'{{ tag: "news", expire: {NOW} }}'])
def test_an_expired_tag_expires_entries_that_are_older(
    host: OverrideHost, tag: str, written: int, expected: tuple[bool, bool]
) -> None:
    """F1: `{ expire: 0 }`, `updateTag` and `revalidatePath`. An entry of the same second stays valid."""
    assert check_entry(host, f"[[{tag}]]", written=written, at=NOW + 2) == expected


@pytest.mark.parametrize(
    ("written", "at", "expected"),
    [
        (NOW - 1, NOW, (False, True)),
        (NOW - 1, NOW + 60_000, (True, True)),
        (NOW, NOW + 1, (False, False)),
        # An entry that was written before the tag expires is older than this moment.
        (NOW + 1, NOW + 60_000, (True, False)),
    ],
)
def test_a_stale_tag_expires_entries_after_the_time_of_its_profile(
    host: OverrideHost, written: int, at: int, expected: tuple[bool, bool]
) -> None:
    """F1: `revalidateTag(tag, profile)`."""
    writes = f'[[{{ tag: "news", stale: {NOW}, expire: {NOW} + 60_000 }}]]'
    assert check_entry(host, writes, written=written, at=at) == expected


def test_a_tag_that_becomes_stale_and_then_expires_keeps_both_times(host: OverrideHost) -> None:
    writes = f'[[{{ tag: "news", stale: {NOW} }}], [{{ tag: "news", expire: {NOW} - 10 }}]]'
    assert check_entry(host, writes, written=NOW - 5, at=NOW) == (False, True)
    assert check_entry(host, writes, written=NOW - 15, at=NOW) == (True, True)


def test_both_questions_about_an_entry_are_answered_by_one_consistent_read(host: OverrideHost) -> None:
    check_entry(host, "[]", written=NOW, at=NOW)
    ((operation, request),) = host.calls
    assert operation == "BatchGetItem"
    assert request["RequestItems"][TABLE]["ConsistentRead"] is True


def test_a_tag_has_one_row_which_the_index_does_not_contain(host: OverrideHost) -> None:
    check_entry(host, '[["news"], ["news"]]', written=NOW, at=NOW)
    assert read_tag_rows() == [
        {"tag": {"S": f"{DEPLOYMENT}/tag/news"}, "path": {"S": "-"}, "expiredAt": {"N": str(NOW)}}
    ]


def test_the_tags_of_releases_are_separate(host: OverrideHost) -> None:
    host.run('await tagCache.writeTags(["news"]);', {"ANCHOR_DEPLOYMENT_ID": "another"})
    assert host.run(f'return tagCache.hasBeenRevalidated(["news"], {NOW});') is False


def test_many_long_and_repeated_tags_are_read(host: OverrideHost) -> None:
    """DynamoDB reads at most 100 different rows at once, and a key has at most 2,048 bytes."""
    assert host.run(
        """
        const long = "_N_T_/" + "ü".repeat(1018);
        const many = [...Array.from({ length: 230 }, (_, number) => `tag-${number}`), long, long];
        const before = await tagCache.hasBeenRevalidated(many, 0);
        await tagCache.writeTags([long]);
        return [before, await tagCache.hasBeenRevalidated(many, 0)];
        """
    ) == [False, True]


def test_unprocessed_keys_are_read_again(host: OverrideHost) -> None:
    host.batch_size = 1
    script = 'await tagCache.writeTags(["c"]); return tagCache.hasBeenRevalidated(["a", "b", "c"], 0);'
    assert host.run(script) is True
    assert host.count_calls("BatchGetItem") == 3


def test_the_last_expiry_of_tags_is_zero_without_one(host: OverrideHost) -> None:
    """F1: with it, Next.js discards the `use cache` entries of a path that was revalidated."""
    assert host.run(
        f"""
        setTime({NOW});
        const before = await tagCache.getLastRevalidated(["_N_T_/news"]);
        await tagCache.writeTags(["_N_T_/news"]);
        const after = await tagCache.getLastRevalidated(["_N_T_/news", "other"]);
        return [before, after, await tagCache.getLastRevalidated([])];
        """
    ) == [0, NOW, 0]


def test_a_second_call_of_the_same_request_can_expire_a_stale_tag(host: OverrideHost) -> None:
    """F1: OpenNext drops the second write of a tag in one request."""
    assert (
        host.run(
            """
            return inRequest(async (store) => {
              store.writtenTags.add("news");
              await tagCache.writeTags([{ tag: "news", stale: 1 }]);
              return store.writtenTags.size;
            });
            """
        )
        == 0
    )


def test_a_tag_that_cannot_be_read_is_an_error(host: OverrideHost) -> None:
    """The server then renders the page, which is never wrong."""
    host.errors["BatchGetItem"] = "InternalServerError"
    assert (
        host.run('return tagCache.hasBeenRevalidated(["news"], 0).catch((error) => error.name);')
        == "InternalServerError"
    )
