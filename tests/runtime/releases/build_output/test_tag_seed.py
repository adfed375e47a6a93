"""The tag seed is untrusted and is read row by row (D9)."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.deploy.releases.build_output.manifest import Build
from runtime.deploy.releases.build_output.tag_seed import TagRow, TagSeedError, read_tag_rows

BUILD = Build(build_id="build-1", cache_id="deployment-1")


def make_row(tag: object = "build-1/news", path: object = "build-1/page", at: object = "1") -> dict[str, Any]:
    return {"tag": {"S": tag}, "path": {"S": path}, "revalidatedAt": {"N": at}}


def read_rows(text: bytes) -> list[TagRow]:
    return list(read_tag_rows(io.BytesIO(text), BUILD))


def find_refusal_message(text: bytes) -> str:
    with pytest.raises(TagSeedError) as refused:
        read_rows(text)
    return str(refused.value)


def test_rows_get_the_names_that_the_running_server_looks_up() -> None:
    assert read_rows(json.dumps([make_row(), make_row("other/tag")]).encode()) == [
        TagRow(tag="deployment-1/news", path="deployment-1/page", revalidated_at=1),
        TagRow(tag="other/tag", path="deployment-1/page", revalidated_at=1),
    ]


@pytest.mark.parametrize("text", [b"[]", b" [ ] \n", b"\t[\r\n]"])
def test_a_seed_can_be_empty(text: bytes) -> None:
    assert read_rows(text) == []


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200), max_size=30),
    st.sampled_from([None, 1, 4]),
    st.booleans(),
)
def test_a_seed_of_any_length_and_layout_is_read_completely(
    tags: list[str],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    padding = "x" * 3000  # some of these rows span two chunks
    document = [
        make_row(f"build-1/{tag}", padding[: (number * 997) % 1000 + 1]) for number, tag in enumerate(tags)
    ]
    text = json.dumps(document * 3, indent=indent, ensure_ascii=ascii_only).encode()
    assert [each.tag for each in read_rows(text)] == [f"deployment-1/{tag}" for tag in tags] * 3


def test_a_row_across_the_end_of_a_chunk_is_read() -> None:
    document = [make_row(path=f"build-1/{'ü' * 400}{number}") for number in range(500)]
    for ascii_only in (True, False):
        assert len(read_rows(json.dumps(document, ensure_ascii=ascii_only).encode())) == 500


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "is not a JSON array"),
        (b"false", "is not a JSON array"),
        (b"{}", "is not a JSON array"),
        (b"[", "is not JSON"),
        (b"[1", "is not a tag row"),
        (b'[{"tag"', "is not JSON"),
        (b"[" * 70_000, "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b'["\xff', "is not UTF-8"),
        (json.dumps([make_row()]).encode() + b"x", "has text after its JSON array"),
        (json.dumps([make_row()]).encode()[:-1] + b"}", "is not a JSON array of rows"),
        (json.dumps([make_row()]).encode()[:-1], "is not a JSON array of rows"),
        (json.dumps([make_row(), {}]).encode(), "row 1 is not a tag row"),
        (json.dumps([make_row(tag=7)]).encode(), "row 0 is not a tag row"),
        (json.dumps([make_row(at=1)]).encode(), "row 0 is not a tag row"),
        (json.dumps([make_row(tag="")]).encode(), "the tag of row 0 has 0 bytes: 1 to 2048"),
        (json.dumps([make_row(tag="x" * 2049)]).encode(), "the tag of row 0 has 2049 bytes"),
        (json.dumps([make_row(path="é" * 513)]).encode(), "the path of row 0 has 1026 bytes: 1 to 1024"),
        (b'[{"tag":{"S":"\\ud800"},"path":{"S":"a"},"revalidatedAt":{"N":"1"}}]', "is not Unicode text"),
        (json.dumps([make_row(at="-1")]).encode(), "revalidatedAt of row 0 is not a whole number"),
        (json.dumps([make_row(at="1" * 17)]).encode(), "revalidatedAt of row 0 is not a whole number"),
        (json.dumps([make_row(at="٣")]).encode(), "revalidatedAt of row 0 is not a whole number"),
        (json.dumps([make_row(tag="x" * 200_000)]).encode(), "a row of it is too long"),
    ],
)
def test_an_invalid_seed_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    assert reason in find_refusal_message(text)
