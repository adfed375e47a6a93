"""The check of the sites' domain against the web applications, by the Public Suffix List (G4, X4)."""

from typing import Any

import pytest

from components.core.cookie_domains import find_cookie_domain, is_public_suffix
from components.core.errors import ConfigurationError
from tests.components.stages import make_stage

PATH = "anchor-deploy:stage"
TWO_SITES = [{"name": "shop"}, {"name": "docs"}]


def list_problems(domain: str | None, origin: str, **settings: Any) -> tuple[str, ...]:  # noqa: ANN401 - any YAML value
    """Return the problems of a stage whose image service has a web application with this origin."""
    changes = {"images": {"corsOrigins": [origin]}, "sites": TWO_SITES, **settings}
    if domain:
        changes.update(domain=domain, hostedZoneId="Z1")
    try:
        make_stage(**changes)
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("shop.sites.example.com", "example.com"),
        ("example.co.uk", "example.co.uk"),
        ("a.someone.github.io", "someone.github.io"),
        ("github.io", None),
        ("localhost", None),
    ],
)
def test_the_cookie_domain_is_the_registrable_domain(host: str, domain: str | None) -> None:
    assert find_cookie_domain(host) == domain


@pytest.mark.parametrize(
    ("domain", "expected"), [("github.io", True), ("co.uk", True), ("example.com", False)]
)
def test_a_public_suffix_is_recognized(domain: str, *, expected: bool) -> None:
    assert is_public_suffix(domain) == expected


@pytest.mark.parametrize(
    ("domain", "origin"),
    [
        ("sites.example.com", "https://app.example.com"),
        ("sites.example.com", "https://example.com"),
        ("example.com", "https://app.example.com:8443"),
        ("sites.example.co.uk", "https://app.example.co.uk"),
        ("sites.example.com", "https://shop.sites.example.com"),
    ],
    ids=["beside", "above", "below", "second level", "a site"],
)
def test_sites_beside_a_web_application_are_refused(domain: str, origin: str) -> None:
    """X4. Else a site sets a cookie, for example of a session, for the application."""
    shared = "example.co.uk" if domain.endswith("uk") else "example.com"
    (problem,) = list_problems(domain, origin)
    assert problem.startswith(f"{PATH}.images.corsOrigins[0] is {origin!r}")
    assert f"allowed: a domain for the sites that is not below {shared}, or {shared} in" in problem
    assert list_problems(domain, origin, acceptedCookieDomains=[shared]) == ()
    assert list_problems(domain, origin, acceptedCookieDomains=["other.com"]) == (problem,)


@pytest.mark.parametrize(
    ("domain", "origin"),
    [
        ("example.net", "https://app.example.com"),
        ("github.io", "https://app.github.io"),
        ("github.io", "https://shop.github.io"),
        ("example.com", "http://localhost:3000"),
        (None, "https://app.example.com"),
    ],
    ids=["other domain", "public suffix", "one site below a public suffix", "development", "no domain"],
)
def test_sites_with_a_domain_of_their_own_are_accepted(domain: str | None, origin: str) -> None:
    sites = TWO_SITES if domain else TWO_SITES[:1]
    assert list_problems(domain, origin, sites=sites) == ()


def test_an_application_that_is_the_only_site_is_accepted() -> None:
    assert list_problems("example.com", "https://shop.example.com", sites=TWO_SITES[:1]) == ()


def test_origins_of_the_platforms_api_are_checked_too() -> None:
    """Requirement X4."""
    (problem,) = list_problems(
        "example.net", "https://a.com", apiCorsOrigins=["https://b.com", "https://console.example.net"]
    )
    assert problem.startswith(f"{PATH}.apiCorsOrigins[1] is 'https://console.example.net'")
