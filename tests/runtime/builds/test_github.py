"""P1, P2: GitHub's webhook payloads are read, and their signatures are verified.

The payloads come from GitHub's package of examples.
"""

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.deploy.builds.github import (
    IgnoredDelivery,
    is_signature_valid,
    read_push,
)
from runtime.deploy.model import Commit
from runtime.shared.errors import MalformedError

PAYLOADS = Path(__file__).parents[3] / "examples" / "github-webhooks"
REPOSITORY = "https://github.com/Codertocat/Hello-World"


def read_payload(name: str, **changes: object) -> dict[str, Any]:
    return {**json.loads((PAYLOADS / f"{name}.json").read_text()), **changes}


def read_delivery(
    body: object, *, event: str | None = "push", branch: str = "master"
) -> Commit | IgnoredDelivery:
    return read_push(event, body, branch=branch, repository_url=REPOSITORY)


def test_a_push_returns_its_commit() -> None:
    """Requirement P2."""
    assert read_delivery(read_payload("push")) == Commit(
        sha="6113728f27ae82c7b1a177c8d03f9e96e0adf246", message="Initial commit", author="Codertocat"
    )


@pytest.mark.parametrize(
    ("event", "name", "branch", "reason"),
    [
        ("ping", "ping", "master", "event 'ping' creates no deployment"),
        ("issues", "push", "master", "event 'issues' creates no deployment"),
        (None, "push", "master", r"event '\(none\)' creates no deployment"),
        ("push", "push", "main", "push is to refs/heads/master, the project deploys refs/heads/main"),
        ("push", "push-tag", "master", "push is to refs/tags/simple-tag"),
        ("push", "push-tag", "simple-tag", "push is to refs/tags/simple-tag"),
        ("push", "push-tag-deleted", "master", "push is to refs/tags/simple-tag"),
        ("push", "push-branch-deleted", "master", "branch master was deleted"),
    ],
)
def test_an_ignored_delivery_has_a_reason(event: str | None, name: str, branch: str, reason: str) -> None:
    """Requirement P2."""
    ignored = read_delivery(read_payload(name), event=event, branch=branch)
    assert isinstance(ignored, IgnoredDelivery)
    assert re.search(reason, ignored.reason)


def test_a_push_to_another_repository_is_ignored() -> None:
    ignored = read_push(
        "push", read_payload("push"), branch="master", repository_url="https://github.com/someone/else"
    )
    assert isinstance(ignored, IgnoredDelivery)
    assert "https://github.com/Codertocat/Hello-World.git" in ignored.reason
    assert "https://github.com/someone/else" in ignored.reason


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Codertocat/Hello-World.git",
        "https://github.com/codertocat/hello-world/",
        "https://GitHub.com/Codertocat/Hello-World",
        "git@github.com:Codertocat/Hello-World.git",
        "ssh://git@github.com:22/codertocat/hello-world",
    ],
)
def test_a_push_is_recognized_by_every_address_of_the_repository(url: str) -> None:
    """Requirements P2 and H6."""
    assert isinstance(read_push("push", read_payload("push"), branch="master", repository_url=url), Commit)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Codertocat",
        "https://gitlab.com/Codertocat/Hello-World",
        "https://github.com:444/Codertocat/Hello-World",
        "git@gitlab.com:Codertocat/Hello-World.git",
        "git@github.com:Codertocat/Another.git",
    ],
)
def test_a_push_to_a_repository_with_another_address_is_ignored(url: str) -> None:
    ignored = read_push("push", read_payload("push"), branch="master", repository_url=url)
    assert isinstance(ignored, IgnoredDelivery)


def test_a_push_is_recognized_by_the_ssh_address_in_the_payload() -> None:
    """H6: the host names of a git server for HTTPS and SSH can differ."""
    body = read_payload("push")
    body["repository"] |= {
        "clone_url": "http://git.example.com/a/b",
        "ssh_url": "git@ssh.example.com:a/b.git",
    }
    for url in ("git@ssh.example.com:a/b", "https://git.example.com/a/b"):
        assert isinstance(read_push("push", body, branch="master", repository_url=url), Commit)


def test_a_push_without_a_new_commit_has_a_sha() -> None:
    commit = read_delivery(read_payload("push", head_commit=None))
    assert commit == Commit(sha="6113728f27ae82c7b1a177c8d03f9e96e0adf246", message="", author="")


def test_a_long_message_is_cut() -> None:
    body = read_payload("push")
    body["head_commit"]["message"] = "m" * 1_000_000
    body["head_commit"]["author"]["name"] = "a" * 1_000
    commit = read_delivery(body)
    assert isinstance(commit, Commit)
    assert (len(commit.message), len(commit.author)) == (2_000, 200)


def read_push_with_message(message: str) -> Commit | IgnoredDelivery:
    body = read_payload("push")
    body["head_commit"]["message"] = message
    return read_delivery(body)


@pytest.mark.parametrize(
    ("message", "instruction"),
    [
        ("Correct a typo [skip ci]", "[skip ci]"),
        ("[CI Skip] Correct a typo", "[CI Skip]"),
        ("Correct a typo\n\n[no ci]", "[no ci]"),
        ("[skip actions] x", "[skip actions]"),
        ("m" * 3_000 + "[actions skip]", "[actions skip]"),
        ("Correct a typo\n\n\nskip-checks: true", "skip-checks: true"),
        ("Correct a typo\r\n\r\nskip-checks:true\r\nCo-authored-by: A <a@b.c>\r\n", "skip-checks:true"),
    ],
)
def test_a_commit_that_asks_for_no_deployment_is_ignored(message: str, instruction: str) -> None:
    """P2, H4: the instructions are those of GitHub Actions. The reason names the instruction."""
    ignored = read_push_with_message(message)
    assert isinstance(ignored, IgnoredDelivery)
    assert repr(instruction) in ignored.reason
    assert "`anchor deploy`" in ignored.reason


@pytest.mark.parametrize(
    "message",
    ["skip ci", "[skip  ci]", "[skip ci please]", "Explain skip-checks: true", "skip-checks: true\n\nBody"],
)
def test_a_message_that_only_resembles_a_skip_instruction_is_deployed(message: str) -> None:
    """Requirement P2."""
    assert isinstance(read_push_with_message(message), Commit)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ref": None}, "ref"),
        ({"after": "HEAD"}, "after"),
        ({"after": "--upload-pack=evil"}, "after"),
        ({"repository": "x"}, "repository"),
        ({"repository": {}}, "repository.clone_url"),
        ({"repository": {"clone_url": "https://[bad/Codertocat"}}, "repository.clone_url"),
        ({"head_commit": [1]}, "head_commit"),
        ({"head_commit": {"message": 3}}, "head_commit.message"),
        ({"head_commit": {"author": "x"}}, "head_commit.author"),
    ],
)
def test_the_refusal_of_a_push_names_the_invalid_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(MalformedError, match=f"^{field}: must be"):
        read_delivery(read_payload("push", **change))


@pytest.mark.parametrize("body", [None, [], "text", 3])
def test_a_push_must_be_a_json_object(body: object) -> None:
    with pytest.raises(MalformedError, match=r"^the body: must be an object"):
        read_delivery(body)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("ref", "after", "repository", "deleted", "head_commit", "before", "commits")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_signed_json_is_read_as_a_commit_or_ignored_or_refused(changes: dict[str, Any]) -> None:
    """P2: only a push to the project's branch is read as a commit, and only if it has a SHA."""
    body = read_payload("push", **changes)
    try:
        outcome: object = read_delivery(body)
    except MalformedError as refused:
        outcome = refused
    if isinstance(outcome, Commit):
        assert body["ref"] == "refs/heads/master"
        assert body["deleted"] is not True
        assert body["after"] == outcome.sha
        assert len(outcome.sha) in (40, 64)


SECRET = "0123456789abcdef" * 4


def sign_body(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_the_signature_in_githubs_documentation_is_valid() -> None:
    """P1: the test values of GitHub's page "Validating webhook deliveries"."""
    assert is_signature_valid(
        "It's a Secret to Everybody",
        b"Hello, World!",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )


@given(st.binary(max_size=200))
def test_a_signed_body_is_valid_and_a_changed_one_is_not(body: bytes) -> None:
    """Requirement P1."""
    assert is_signature_valid(SECRET, body, sign_body(SECRET, body))
    assert not is_signature_valid(SECRET, body + b" ", sign_body(SECRET, body))


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        sign_body(SECRET, b"{}").removeprefix("sha256="),
        sign_body(SECRET, b"{}").upper(),
        "sha1=" + sign_body(SECRET, b"{}").removeprefix("sha256="),
        sign_body("another", b"{}"),
        "sha256=ünïcödé",
        sign_body(SECRET, b"{}") + "\n",
    ],
)
def test_any_other_signature_is_invalid(signature: str | None) -> None:
    """Requirement P1."""
    assert not is_signature_valid(SECRET, b"{}", signature)
