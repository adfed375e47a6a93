"""Sign-in with Amazon Cognito. These operations are public and need no AWS credentials."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
from attrs import field, frozen

from anchor.errors import CommandError, UnreachableError

_TIMEOUT_SECONDS: Final = 30
_API_HOST: Final = re.compile(r"[a-z0-9]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_MAX_CHALLENGES: Final = 5  # in one sign-in
REFRESH_TOKEN_SECONDS: Final = 30 * 24 * 60 * 60
"""Lifetime of a refresh token. The user pool clients of all stages have this setting."""


class SignInRefusedError(CommandError):
    """Cognito refused the sign-in; the message contains Cognito's reason."""


@frozen(kw_only=True)
class Tokens:
    """Tokens of a signed-in user.

    Attributes:
        refresh_token: None if the existing refresh token stays valid.
        seconds: Lifetime of the access token.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    seconds: int


def read_json_object(response: requests.Response) -> dict[str, Any] | None:
    """Return the JSON object of a response, or None if the response contains none."""
    try:
        answer: object = response.json()
    except ValueError:
        return None
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else None


def find_cognito_url(api: str) -> str | None:
    """Return the URL of Cognito in the region of an API, or None if the API's host names no region."""
    found = _API_HOST.fullmatch(urlsplit(api).hostname or "")
    return f"https://cognito-idp.{found['region']}.amazonaws.com" if found else None


@frozen(kw_only=True)
class Cognito:
    """Client of a Cognito user pool.

    Attributes:
        url: URL of Cognito in the pool's region.
        client_id: Id of the user pool client.
    """

    url: str
    client_id: str

    def sign_in(self, user: str, password: str, ask: Callable[[str], str]) -> Tokens:
        """Sign in with a user name and a password.

        Args:
            user: The user name.
            password: The password.
            ask: Prompts the user for the answer to a challenge: a new password or an MFA code.

        Raises:
            SignInRefusedError: Cognito refused the sign-in, or returned an unsupported challenge.
        """
        answer = self._call(
            "InitiateAuth",
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user, "PASSWORD": password},
        )
        for _ in range(_MAX_CHALLENGES):
            if "AuthenticationResult" in answer:
                return _parse_tokens(answer["AuthenticationResult"])
            name = answer.get("ChallengeName")
            if name == "NEW_PASSWORD_REQUIRED":
                wanted = {"NEW_PASSWORD": ask("New password: ")}
            elif name == "SOFTWARE_TOKEN_MFA":
                wanted = {"SOFTWARE_TOKEN_MFA_CODE": ask("Code of the authenticator: ")}
            else:
                break
            answer = self._call(
                "RespondToAuthChallenge",
                ChallengeName=name,
                Session=answer.get("Session"),
                # A user can sign in with an alias, such as an e-mail address. The answer to a challenge
                # must then contain the real user name, which is in the challenge.
                ChallengeResponses={
                    "USERNAME": answer.get("ChallengeParameters", {}).get("USER_ID_FOR_SRP", user),
                    **wanted,
                },
            )
        raise SignInRefusedError(f"unsupported Cognito challenge: {answer.get('ChallengeName')}")

    def refresh(self, refresh_token: str) -> Tokens:
        """Return tokens with a new access token.

        Raises:
            SignInRefusedError: Cognito refused the refresh token, for example because the token has expired.
        """
        answer = self._call(
            "InitiateAuth",
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": refresh_token},
        )
        if "AuthenticationResult" not in answer:
            raise SignInRefusedError("sign-in refused: Cognito returned no tokens")
        return _parse_tokens(answer["AuthenticationResult"])

    def _call(self, operation: str, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        try:
            response = requests.post(
                self.url + "/",
                json={"ClientId": self.client_id, **body},
                headers={
                    "Content-Type": "application/x-amz-json-1.1",
                    "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
                },
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,  # Cognito never redirects, and the body can contain a password
            )
        except requests.RequestException as error:
            raise UnreachableError(self.url, error) from None
        answer = read_json_object(response)
        if answer is None:
            raise CommandError(
                f"{self.url} answered {response.status_code} without a JSON object: check that it is the"
                " URL of Cognito"
            )
        if not response.ok:
            raise SignInRefusedError(f"sign-in refused: {answer.get('message', response.reason)}")
        return answer


def _parse_tokens(result: Mapping[str, Any]) -> Tokens:
    return Tokens(
        access_token=result["AccessToken"],
        refresh_token=result.get("RefreshToken"),
        seconds=result["ExpiresIn"],
    )
