"""Access tokens of shops: shown to nobody, encrypted by KMS for one shop alone (S2).

A row holds a `EncryptedToken`, and reading a shop does not open it: most readers of a shop need no token, and
opening one costs a call to KMS.
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
"""A token as KMS encrypted it."""

_MAX_TOKEN_LENGTH: Final = 4096  # bytes that KMS encrypts in one call
_WRONG_CIPHERTEXT_CODES: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class Token:
    """An access token. Its text comes out by `reveal` alone: not by repr, str, format, pickle or a row.

    Args:
        text: 1 to 4,096 printable ASCII characters.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not (text.isascii() and text.isprintable() and 1 <= len(text) <= _MAX_TOKEN_LENGTH):
            raise ValueError(f"an access token has 1 to {_MAX_TOKEN_LENGTH} printable ASCII characters")
        self._text = text

    def reveal(self) -> str:
        """Return the token itself: for the header of a request, not for a variable that lives on."""
        return self._text

    def __repr__(self) -> str:
        return "Token(hidden)"

    def __reduce__(self) -> Any:  # noqa: ANN401 - it never returns
        raise TypeError("an access token is not to be pickled or copied: it would be readable there")


@frozen(kw_only=True)
class TokenCipher:
    """Encrypts and decrypts access tokens with KMS, each bound to its shop by the encryption context.

    KMS notes the context, which is the shop's domain, in CloudTrail; never the token.

    Attributes:
        client: KMS client.
        key: ARN of the key of tokens.
    """

    client: KMSClient = field(repr=False)
    key: str

    def encrypt(self, domain: str, token: Token) -> EncryptedToken:
        """Encrypt a shop's token.

        Raises:
            TokenServiceError: KMS did not.
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
            TokenRefusedError: It was encrypted for another shop or with another key, or is damaged.
            TokenServiceError: KMS did not, for another reason.
        """
        return _call_without_trace(
            domain,
            "decrypt",
            # No variable holds the plaintext: an error report with local values would show it.
            lambda: Token(
                self.client.decrypt(
                    KeyId=self.key, CiphertextBlob=encrypted, EncryptionContext={"shop": domain}
                )["Plaintext"].decode("ascii")
            ),
        )


def _call_without_trace(domain: str, operation: str, call: Callable[[], T]) -> T:
    """Return what a call returns; neither boto3's debug log nor an exception's frames show its plaintext."""
    unobserved = _is_handling_token.set(True)
    try:
        return call()
    except ClientError as error:
        response = cast("Any", error.response)
        code: str = response["Error"]["Code"]
        failed = TokenRefusedError(domain) if code in _WRONG_CIPHERTEXT_CODES else TokenServiceError(operation, code)
    except BotoCoreError as error:
        failed = TokenServiceError(operation, type(error).__name__)
    except ValueError:  # what was decrypted is no token
        failed = TokenRefusedError(domain)
    finally:
        _is_handling_token.reset(unobserved)
    # Raised here, not above, where it would carry the caught exception: its frames hold the plaintext.
    raise failed


_is_handling_token: ContextVar[bool] = ContextVar("handles a token", default=False)


def _may_log(_: logging.LogRecord) -> bool:
    return not _is_handling_token.get()


# At level DEBUG, these two write whole requests and answers.
for _name in ("botocore.endpoint", "botocore.parsers"):
    logging.getLogger(_name).addFilter(_may_log)
