"""Access tokens of shops. KMS encrypts each one for its shop. Logs and errors do not contain them.

A row contains an `EncryptedToken`. Reading a shop does not decrypt it: most callers need no token, and a
decryption costs a call to KMS.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, NewType, TypeVar, cast

from attrs import field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.shared.aws import KMSClient
from runtime.shops.errors import TokenRefusedError, TokenServiceError

T = TypeVar("T")

EncryptedToken = NewType("EncryptedToken", bytes)
"""A token that KMS has encrypted."""

_MAX_TOKEN_LENGTH: Final = 4096  # bytes that KMS encrypts in one call
_WRONG_CIPHERTEXT_CODES: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class Token:
    """An access token. Only `reveal` returns its text: repr, str, format, pickle and rows do not contain it.

    Args:
        text: 1 to 4,096 printable ASCII characters.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not (text.isascii() and text.isprintable() and 1 <= len(text) <= _MAX_TOKEN_LENGTH):
            raise ValueError(f"an access token must have 1 to {_MAX_TOKEN_LENGTH} printable ASCII characters")
        self._text = text

    def reveal(self) -> str:
        """Return the token's text. Put the text directly into a request's header, never into a variable."""
        return self._text

    def __repr__(self) -> str:
        return "Token(hidden)"

    def __reduce__(self) -> Any:  # noqa: ANN401 - it always raises
        raise TypeError("an access token cannot be pickled or copied, because that would reveal its text")


@frozen(kw_only=True)
class TokenCipher:
    """Encrypts and decrypts access tokens with KMS. The encryption context binds each one to its shop.

    CloudTrail logs the context, which is the shop's domain, but never the token.

    Attributes:
        client: KMS client.
        key: ARN of the key of tokens.
    """

    client: KMSClient = field(repr=False)
    key: str

    def encrypt(self, domain: str, token: Token) -> EncryptedToken:
        """Encrypt a shop's token.

        Raises:
            TokenServiceError: The call of KMS failed.
        """
        return _call_without_trace(
            domain,
            "encrypt",
            lambda: EncryptedToken(
                self.client.encrypt(
                    KeyId=self.key, Plaintext=token.reveal().encode(), EncryptionContext={"shop": domain}
                )["CiphertextBlob"]
            ),
        )

    def decrypt(self, domain: str, encrypted: EncryptedToken) -> Token:
        """Decrypt a shop's token.

        Raises:
            TokenRefusedError: The token was encrypted for another shop or with another key, or is damaged.
            TokenServiceError: The call of KMS failed for another reason.
        """
        return _call_without_trace(
            domain,
            "decrypt",
            # No variable holds the plaintext, because an error report with local values would show it.
            lambda: Token(
                self.client.decrypt(
                    KeyId=self.key, CiphertextBlob=encrypted, EncryptionContext={"shop": domain}
                )["Plaintext"].decode("ascii")
            ),
        )


def _call_without_trace(domain: str, operation: str, call: Callable[[], T]) -> T:
    """Return a call's result. Keep the plaintext out of boto3's debug log and of the frames of exceptions."""
    previous = _is_handling_token.set(True)
    try:
        return call()
    except ClientError as error:
        response = cast("Any", error.response)
        code: str = response["Error"]["Code"]
        failed = (
            TokenRefusedError(domain)
            if code in _WRONG_CIPHERTEXT_CODES
            else TokenServiceError(operation, code)
        )
    except BotoCoreError as error:
        failed = TokenServiceError(operation, type(error).__name__)
    except ValueError:  # the decrypted bytes are not a valid token
        failed = TokenRefusedError(domain)
    finally:
        _is_handling_token.reset(previous)
    # Raise the error outside the `except` blocks. Otherwise, Python would attach the caught exception, whose
    # frames hold the plaintext.
    raise failed


_is_handling_token: ContextVar[bool] = ContextVar("handles a token", default=False)


def _may_log(_: logging.LogRecord) -> bool:
    return not _is_handling_token.get()


# At level DEBUG, these loggers write whole requests and responses. The filter drops their records during the
# calls that contain a token.
for _name in ("botocore.endpoint", "botocore.parsers"):
    logging.getLogger(_name).addFilter(_may_log)
