"""Signing in with Amazon Cognito, whose endpoint for that is public: no AWS credentials are needed."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from attrs import field, frozen

from anchor.errors import CommandError, NotSignedInError

_TIMEOUT: Final = 30
_API_HOST: Final = re.compile(r"[a-z0-9]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_SEVERAL: Final = 5  # steps that one sign-in can ask for


class SignInRefusedError(CommandError):
    """Cognito let nobody in; says what it said."""


@frozen(kw_only=True)
class Tokens:
    """What a sign-in gives.

    Attributes:
        refresh_token: None when one that is there stays good.
        seconds: For which the access token is good.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    seconds: int


def cognito_of(api: str) -> str:
    """Return the URL of Cognito in the region of an API.

    Raises:
        CommandError: The API's host does not name its region.
    """
    found = _API_HOST.fullmatch(urlsplit(api).hostname or "")
    if found is None:
        raise CommandError(
            f"{api} does not say in which region it is: add --cognito, the URL of Cognito there"
        )
    return f"https://cognito-idp.{found['region']}.amazonaws.com"


@frozen(kw_only=True)
class Cognito:
    """The user pool's client.

    Attributes:
        url: Of Cognito in the pool's region.
        client_id: The client.
    """

    url: str
    client_id: str

    def sign_in(self, user: str, password: str, ask: Callable[[str], str]) -> Tokens:
        """Sign in with name and password.

        Args:
            user: The name.
            password: The password.
            ask: Asks the user for what Cognito wants besides: a new password at the first sign-in, a code.

        Raises:
            SignInRefusedError: Something of it is wrong.
        """
        answer = self._call(
            "InitiateAuth",
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user, "PASSWORD": password},
        )
        for _ in range(_SEVERAL):
            if "AuthenticationResult" in answer:
                return _tokens(answer["AuthenticationResult"])
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
                # Cognito's own name of the user; whom it knows by an e-mail address, that is an alias of.
                ChallengeResponses={
                    "USERNAME": answer.get("ChallengeParameters", {}).get("USER_ID_FOR_SRP", user),
                    **wanted,
                },
            )
        raise SignInRefusedError(f"the sign-in wants {answer.get('ChallengeName')}, which is not known here")

    def refresh(self, refresh_token: str) -> Tokens:
        """Get a new access token.

        Raises:
            NotSignedInError: The refresh token is good no more.
        """
        try:
            answer = self._call(
                "InitiateAuth",
                AuthFlow="REFRESH_TOKEN_AUTH",
                AuthParameters={"REFRESH_TOKEN": refresh_token},
            )
            return _tokens(answer["AuthenticationResult"])
        except (SignInRefusedError, KeyError):
            raise NotSignedInError("the sign-in has ended") from None

    def _call(self, operation: str, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        try:
            response = requests.post(
                self.url + "/",
                json={"ClientId": self.client_id, **body},
                headers={
                    "Content-Type": "application/x-amz-json-1.1",
                    "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
                },
                timeout=_TIMEOUT,
                allow_redirects=False,  # Cognito never does, and the body holds a password
            )
            answer: dict[str, Any] = response.json()
        except requests.RequestException as error:
            raise CommandError(f"{self.url} cannot be reached: {error}") from None
        if not response.ok:
            raise SignInRefusedError(f"not signed in: {answer.get('message', response.reason)}")
        return answer


def _tokens(result: Mapping[str, Any]) -> Tokens:
    return Tokens(
        access_token=result["AccessToken"],
        refresh_token=result.get("RefreshToken"),
        seconds=result["ExpiresIn"],
    )
