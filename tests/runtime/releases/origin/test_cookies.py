"""Attacks with cookies: a site sets a cookie for its neighbours. A cookie jar decides as browsers do (X4)."""

import asyncio
import email.message
import http.cookiejar
import json
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.response import addinfourl

import pytest

from tests.runtime.releases.origin.node_functions import (
    KEY,
    Answer,
    make_wrapped_version,
    run_worker_pool,
    send_request,
)

VERSION = make_wrapped_version(Path(__file__).with_name("streaming.mjs").read_text())
HOST = "shop.sites.example.com"
NEIGHBOURS = ("https://docs.sites.example.com/", "https://app.example.com/", "https://sites.example.com/")
ATTACKS = (
    "a=1; Domain=sites.example.com",
    "a=1; Domain=.sites.example.com; Path=/; Secure",
    "a=1; Domain=.example.com",
    "a=1;domain=.SITES.example.com;HttpOnly",
    "a=1; \tDOMAIN \t=\t .sites.example.com ",
    "a=1; Domain=sites.example.com; Domain=shop.sites.example.com",
    "a=1; Path=/; Domain=.sites.example.com; SameSite=None; Secure",
)


class Response:
    """An answer in the form that `http.cookiejar` reads."""

    def __init__(self, cookies: list[str]) -> None:
        self.headers = email.message.Message()
        for cookie in cookies:
            self.headers.add_header("Set-Cookie", cookie)

    def info(self) -> email.message.Message:
        return self.headers


def visit(cookies: list[str]) -> http.cookiejar.CookieJar:
    """Return the cookies of a browser that has visited the site once."""
    jar = http.cookiejar.CookieJar()
    jar.extract_cookies(cast("addinfourl", Response(cookies)), urllib.request.Request(f"https://{HOST}/"))
    return jar


def find_sent_cookies(jar: http.cookiejar.CookieJar, url: str) -> str | None:
    """Return the header Cookie of the browser's next request to a URL."""
    request = urllib.request.Request(url)  # noqa: S310 - one of NEIGHBOURS, which is not opened
    jar.add_cookie_header(request)
    return request.get_header("Cookie")


async def set_cookies(cookies: Sequence[str], host: str | None = HOST) -> list[str]:
    """Return the Set-Cookie headers that the wrapper sends for a site that sets these cookies."""
    async with run_worker_pool() as (pool, _):
        target = "/sets-cookies?" + urllib.parse.quote(json.dumps(list(cookies)))
        headers = [("x-anchor-origin-key", KEY), *([("x-forwarded-host", host)] if host else [])]
        answer: Answer = await send_request(pool, VERSION, target, headers=headers)
        return answer.list_header_values("set-cookie")


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_cookie_jar_would_send_the_cookie_of_the_attack_to_a_neighbour(attack: str) -> None:
    """X4. What the attacks do without the wrapper: otherwise the next test would prove nothing."""
    jar = visit([attack])
    assert any(find_sent_cookies(jar, url) == "a=1" for url in NEIGHBOURS)


def test_no_cookie_of_a_site_reaches_a_neighbour() -> None:
    """X4. Each attack succeeds without the wrapper, as the test before shows."""
    kept = asyncio.run(set_cookies(ATTACKS))
    assert len(kept) == len(ATTACKS)
    for cookie in kept:
        jar = visit([cookie])
        assert [find_sent_cookies(jar, url) for url in NEIGHBOURS] == [None, None, None]
        assert find_sent_cookies(jar, f"https://{HOST}/") == "a=1"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (HOST, ["a=1; Domain=shop.sites.example.com; Secure", "b=Domain=x; Path=/", "c=3", "d"]),
        (
            "SHOP.sites.example.com:8080",
            ["a=1; Domain=shop.sites.example.com; Secure", "b=Domain=x; Path=/", "c=3", "d"],
        ),
        (None, ["a=1; Secure", "b=Domain=x; Path=/", "c=3", "d"]),
    ],
    ids=["host", "host with a port", "no host"],
)
def test_only_the_domain_attribute_of_a_cookie_changes(host: str | None, expected: list[str]) -> None:
    sent = ["a=1; Domain=shop.sites.example.com; Secure", "b=Domain=x; Path=/", "c=3; domain", "d"]
    assert sorted(asyncio.run(set_cookies(sent, host))) == expected


def test_a_cookie_for_hosts_below_the_site_stays() -> None:
    cookie = f"a=1; Domain=.below.{HOST}"
    assert asyncio.run(set_cookies([cookie])) == [cookie]
