# ruff: noqa: ANN401 - stands in for a client that boto3 does not type
"""Access tokens are encrypted for one shop, and are hidden from logs and errors (S2)."""

import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from runtime.shared.converters import to_row
from runtime.shops.errors import TokenRefusedError, TokenServiceError
from runtime.shops.model import Shop
from runtime.shops.tokens import EncryptedToken, Token, TokenCipher
from tests import moto_without_http
from tests.runtime.calls import Calls, get_real_client, make_client_error
from tests.runtime.shops.shop_fixture import OTHER_SHOP, SHOP, START, ShopPlatform

SECRET = "shpat_0123456789abcdef"
BASE64 = "c2hwYXRfMDEyMzQ1Njc4OWFiY2RlZg=="  # the form of the token in requests and responses of KMS


@pytest.fixture
def cipher(aws: None) -> TokenCipher:  # noqa: ARG001 - for its effect
    key = get_real_client("kms").create_key()["KeyMetadata"]["Arn"]
    return TokenCipher(client=get_real_client("kms"), key=key)


def format_full_report(error: BaseException) -> str:
    """Return the most detailed error report: the exception chain with every frame's local values."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    causes = [cause for cause in (error.__cause__, error.__context__) if cause is not None]
    return "".join([*shown.format(), repr(error), str(error), *map(format_full_report, causes)])


class RefusingClient:
    """A KMS client whose calls fail while their local variables contain the token."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def encrypt(self, **arguments: Any) -> Any:
        plaintext: bytes = arguments["Plaintext"]
        assert plaintext
        raise self._error

    def decrypt(self, **arguments: Any) -> Any:
        answer = {"Plaintext": SECRET.encode(), **arguments}
        assert answer
        raise self._error


def test_a_token_can_be_decrypted_for_its_own_shop(cipher: TokenCipher) -> None:
    assert cipher.decrypt(SHOP, cipher.encrypt(SHOP, Token(SECRET))).reveal() == SECRET


def test_a_token_is_stored_as_ciphertext_in_binary(store: ShopPlatform, cipher: TokenCipher) -> None:
    store.install_shop(access_token=cipher.encrypt(SHOP, Token(SECRET)))
    row = store.read_row("anchor-dev-shops", domain={"S": SHOP})
    assert set(row["accessToken"]) == {"B"}
    assert SECRET.encode() not in row["accessToken"]["B"]
    assert SECRET not in str(row)
    assert cipher.decrypt(SHOP, store.shops.get(SHOP).access_token).reveal() == SECRET


def test_the_shop_is_the_encryption_context(cipher: TokenCipher) -> None:
    calls = Calls()
    watched = TokenCipher(client=calls.wrap_client("kms", cipher.client), key=cipher.key)
    watched.decrypt(SHOP, watched.encrypt(SHOP, Token(SECRET)))
    assert [call["EncryptionContext"] for call in calls.arguments] == [{"shop": SHOP}] * 2
    assert [call["KeyId"] for call in calls.arguments] == [cipher.key] * 2


def test_a_token_cannot_be_decrypted_for_another_shop(cipher: TokenCipher) -> None:
    encrypted = cipher.encrypt(SHOP, Token(SECRET))
    with pytest.raises(TokenRefusedError, match=OTHER_SHOP) as refused:
        cipher.decrypt(OTHER_SHOP, encrypted)
    assert SECRET not in format_full_report(refused.value)


@pytest.mark.parametrize(
    "damaged",
    [
        lambda encrypted: EncryptedToken(encrypted[:-1]),
        lambda encrypted: EncryptedToken(encrypted[:-1] + bytes([encrypted[-1] ^ 1])),
        lambda _: EncryptedToken(SECRET.encode()),
    ],
)
def test_a_damaged_token_is_refused(cipher: TokenCipher, damaged: Any) -> None:
    with pytest.raises(TokenRefusedError):
        cipher.decrypt(SHOP, damaged(cipher.encrypt(SHOP, Token(SECRET))))


def test_a_token_of_another_key_is_refused() -> None:
    wrong = RefusingClient(make_client_error("IncorrectKeyException", "Decrypt"))
    with pytest.raises(TokenRefusedError):
        TokenCipher(client=wrong, key="arn:key").decrypt(SHOP, EncryptedToken(b"x"))


@pytest.mark.parametrize("decrypted", [b"\xff\xfe", b"", b"line\nbreak"])
def test_a_plaintext_that_is_not_a_token_is_refused_and_hidden(decrypted: bytes) -> None:
    class Answering:
        def decrypt(self, **_: Any) -> Any:
            return {"Plaintext": decrypted}

    with pytest.raises(TokenRefusedError) as refused:
        TokenCipher(client=Answering(), key="arn:key").decrypt(SHOP, EncryptedToken(b"x"))
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (make_client_error("AccessDeniedException"), "AccessDeniedException"),
        (ConnectTimeoutError(endpoint_url="https://kms.example.com"), "ConnectTimeoutError"),
    ],
)
def test_a_kms_error_has_its_code_and_no_token(error: Exception, code: str) -> None:
    cipher = TokenCipher(client=RefusingClient(error), key="arn:key")
    token = Token(SECRET)
    for operation in (
        lambda: cipher.encrypt(SHOP, token),
        lambda: cipher.decrypt(SHOP, EncryptedToken(b"x")),
    ):
        with pytest.raises(TokenServiceError, match=code) as failed:
            operation()
        assert failed.value.code == code
        assert SECRET not in format_full_report(failed.value)


@pytest.mark.parametrize("text", ["", "two\nlines", "naïve", "\ud800", "x" * 4097])
def test_an_invalid_access_token_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as refused:
        Token(text)
    assert str(refused.value) == "an access token must have 1 to 4096 printable ASCII characters"


@pytest.mark.parametrize("show", [repr, str, ascii, "{}".format, "{!r}".format, lambda token: f"{[token]}"])
def test_a_tokens_repr_hides_its_text(show: Any) -> None:
    assert "Token(hidden)" in show(Token(SECRET))
    assert SECRET not in show(Token(SECRET))


@pytest.mark.parametrize("serialize", [pickle.dumps, json.dumps, vars])
def test_a_token_cannot_be_pickled_or_written_as_json_or_a_dict(serialize: Any) -> None:
    with pytest.raises(TypeError) as refused:
        serialize(Token(SECRET))
    assert SECRET not in str(refused.value)


@pytest.fixture
def debug_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.LogCaptureFixture]:
    """Captured log records at DEBUG, the level at which boto3 logs whole requests and responses."""
    monkeypatch.setattr(moto_without_http, "METHODS", {})
    with caplog.at_level(logging.DEBUG):
        for name in list(logging.Logger.manager.loggerDict):
            if name.split(".")[0] in {"boto3", "botocore", "urllib3"}:
                caplog.set_level(logging.DEBUG, name)
        yield caplog


def test_a_token_is_in_no_log_and_no_output(
    store: ShopPlatform,
    cipher: TokenCipher,
    debug_log: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """S2. The loggers of boto3 are at DEBUG while a token is encrypted, stored, decrypted and refused."""
    encrypted = cipher.encrypt(SHOP, Token(SECRET))
    shop = store.install_shop(access_token=encrypted)
    token = cipher.decrypt(SHOP, store.shops.get(SHOP).access_token)
    logging.getLogger().warning("%s %r %s %r %r", token, token, shop, store.shops, cipher)
    with pytest.raises(TokenRefusedError) as refused:
        cipher.decrypt(OTHER_SHOP, encrypted)
    logging.getLogger().error("refused", exc_info=refused.value)
    printed = capfd.readouterr()
    captured = debug_log.text + printed.out + printed.err
    assert "Token(hidden)" in captured
    assert "OperationModel(name=UpdateItem)" in captured  # proves that boto3 wrote logs
    assert SECRET not in captured
    assert BASE64 not in captured


def test_boto3_logs_other_calls_after_a_token_call(
    cipher: TokenCipher, debug_log: pytest.LogCaptureFixture
) -> None:
    cipher.encrypt(SHOP, Token(SECRET))
    get_real_client("kms").describe_key(KeyId=cipher.key)
    assert "OperationModel(name=Encrypt)" not in debug_log.text
    assert "OperationModel(name=DescribeKey)" in debug_log.text


def test_the_repr_of_a_shop_hides_the_ciphertext() -> None:
    shop = Shop(domain=SHOP, access_token=EncryptedToken(b"cipher"), installed_at=START, updated_at=START)
    assert "cipher" not in repr(shop)
    assert to_row(shop)["accessToken"] == {"B": b"cipher"}
