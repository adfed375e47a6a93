"""Sign-in: it asks the API before it stores anything. `whoami` asks the API, too."""

import json

import pytest
from attrs import evolve

from tests.anchor.fake_api import NOW, PASSWORD, Anchor, Answer


def login(
    anchor: Anchor, *, api: str | None = None, client_id: str = "client", cognito: str = ""
) -> list[str]:
    return [
        "login",
        f"--api={api or anchor.api.url}",
        f"--client-id={client_id}",
        "--user=ada@example.com",
        f"--cognito={cognito or f'{anchor.api.url}/cognito'}",
    ]


def test_after_a_sign_in_whoami_shows_the_user_the_api_and_the_end_of_the_session(signed_out: Anchor) -> None:
    url = signed_out.api.url
    assert signed_out.run_ok(*login(signed_out), answers=(PASSWORD,)) == (
        f"signed in to {url} as ada@example.com\n"
    )
    assert signed_out.run_ok("whoami").splitlines() == [
        "user           ada@example.com",
        f"api            {url}",
        "clientId       client",
        "signedInUntil  2026-12-30T12:00:00Z (in 30d)",
    ]
    assert signed_out.run_json("whoami") == {
        "user": "ada@example.com",
        "api": url,
        "clientId": "client",
        "signedInUntil": "2026-12-30T12:00:00Z",
    }


def test_a_url_that_is_not_an_api_is_refused_before_the_password_is_asked(signed_out: Anchor) -> None:
    wrong = f"{signed_out.api.url}/wrong"
    result = signed_out.run(*login(signed_out, api=wrong))
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith(f"{wrong} is not the API of a stage (")
    assert not signed_out.file.folder.exists()


def test_the_user_pool_of_another_stage_is_refused_and_nothing_is_stored(signed_out: Anchor) -> None:
    result = signed_out.run(*login(signed_out, client_id="client-of-another-stage"), answers=(PASSWORD,))
    assert (result.status, result.out) == (1, "")
    assert "does not accept users of the client client-of-another-stage" in result.err
    assert not signed_out.file.folder.exists()


def test_cognito_without_json_is_not_reported_as_unreachable(signed_out: Anchor) -> None:
    signed_out.api.overrides["POST", "/cognito/"] = [Answer(200, "<html>"), Answer(200, "[]")]
    for _ in range(2):
        result = signed_out.run(*login(signed_out), answers=(PASSWORD,))
        assert result.status == 1
        assert "answered 200 without a JSON object" in result.err
        assert "cannot be reached" not in result.err


def test_a_user_outside_of_the_group_is_told_the_group(signed_out: Anchor) -> None:
    """X20: the credentials are not stored."""
    problem = {"detail": "this API is only for members of the group 'deploy'"}
    signed_out.api.overrides["GET", "/projects"] = [Answer(403, problem)]
    result = signed_out.run(*login(signed_out), answers=(PASSWORD,))
    url = signed_out.api.url
    assert (result.status, result.err) == (
        1,
        f"not signed in to {url}: refused (403): {problem['detail']}\n",
    )
    assert not signed_out.file.folder.exists() or not [*signed_out.file.folder.iterdir()]


def test_an_unreachable_api_is_named(signed_out: Anchor) -> None:
    result = signed_out.run(*login(signed_out, api="http://127.0.0.1:1"))
    assert (result.status, result.err.startswith("http://127.0.0.1:1 cannot be reached: ")) == (1, True)
    assert result.err.endswith("Check the URL and the network, then repeat the command\n")


@pytest.mark.parametrize("url", ["http://example.com", "ftp://example.com", "example.com", "https://[x"])
def test_a_url_that_would_send_the_password_unencrypted_is_wrong_usage(signed_out: Anchor, url: str) -> None:
    assert signed_out.run(*login(signed_out, api=url)).status == 2


def test_an_api_host_without_a_region_needs_the_url_of_cognito(signed_out: Anchor) -> None:
    result = signed_out.run("login", "--api=https://api.example.com", "--client-id=client", "--user=ada")
    assert (result.status, "add --cognito" in result.err) == (2, True)


def test_the_error_repeats_the_command_that_signs_in_again(anchor: Anchor) -> None:
    """Requirements Q1 and W3."""
    url = anchor.api.url
    anchor.api.overrides["GET", "/projects"] = [Answer(401, {"message": "Unauthorized"})]
    command = f"anchor login --api {url} --client-id client --user ada@example.com --cognito {url}/cognito"
    assert anchor.run("whoami").err == f"the API refused the access token: sign in with `{command}`\n"
    anchor.file.write(evolve(anchor.file.read(), expires_at=0.0))
    assert anchor.run("whoami").err == f"the sign-in has expired: sign in with `{command}`\n"


def test_the_command_omits_the_url_of_cognito_that_the_api_implies(anchor: Anchor) -> None:
    stored = evolve(
        anchor.file.read(),
        api="https://abc.execute-api.eu-central-1.amazonaws.com",
        cognito="https://cognito-idp.eu-central-1.amazonaws.com",
    )
    assert stored.login_command.endswith("--user ada@example.com")


def test_credentials_of_an_older_version_have_no_end_of_the_session(anchor: Anchor) -> None:
    (file,) = anchor.file.folder.iterdir()
    stored = json.loads(file.read_text())
    del stored["signed_in_until"]
    file.write_text(json.dumps(stored))
    assert anchor.run_json("whoami")["signedInUntil"] is None
    assert "signedInUntil" not in anchor.run_ok("whoami")


def test_a_refresh_keeps_the_end_of_the_session(anchor: Anchor) -> None:
    before = anchor.file.read()
    anchor.file.write(evolve(before, expires_at=0.0))
    result = {"AccessToken": before.access_token, "ExpiresIn": 3600}
    anchor.api.overrides["POST", "/cognito/"] = [Answer(200, {"AuthenticationResult": result})]
    anchor.run_ok("whoami")
    after = anchor.file.read()
    assert (after.expires_at, after.signed_in_until) == (NOW.timestamp() + 3600, before.signed_in_until)
