"""Secrets that are derived with KMS. In some tests, moto's KMS computes the HMACs."""

import pytest

from runtime.shared.signing import Signer
from tests.runtime.calls import Calls, get_real_client
from tests.runtime.stand_ins import Kms


@pytest.fixture
def key(aws: None) -> str:  # noqa: ARG001 - for its effect
    kms = get_real_client("kms")
    return kms.create_key(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")["KeyMetadata"]["Arn"]


def compute_mac(key: str, message: bytes) -> str:
    answer = get_real_client("kms").generate_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=message)
    return answer["Mac"].hex()


def test_a_webhook_secret_is_the_mac_of_project_and_version(key: str) -> None:
    """Requirement P1."""
    signer = Signer(get_real_client("kms"), key)
    assert signer.derive_webhook_secret("01P", 2) == compute_mac(key, b"webhook:01P:2")
    assert len(signer.derive_webhook_secret("01P", 2)) == 64
    assert signer.derive_webhook_secret("01P", 1) != signer.derive_webhook_secret("01P", 2)


def test_an_origin_key_is_the_first_forty_digits_of_the_deployments_mac(key: str) -> None:
    """Requirement D8."""
    assert (
        Signer(get_real_client("kms"), key).derive_origin_key("01D") == compute_mac(key, b"origin:01D")[:40]
    )


def test_each_secret_is_derived_once_per_process() -> None:
    calls = Calls()
    signer = Signer(calls.wrap_client("kms", Kms()), "arn:key")
    assert signer.derive_webhook_secret("p", 1) == signer.derive_webhook_secret("p", 1)
    assert signer.derive_webhook_secret("q", 1) != signer.derive_webhook_secret("p", 1)
    assert len(calls.operations) == 2


def test_the_cache_size_is_limited() -> None:
    signer = Signer(Kms(), "arn:key")  # type: ignore[arg-type]
    for number in range(3000):
        signer.derive_webhook_secret(str(number), 1)
    assert len(signer._known) <= 1024


def test_no_secret_is_in_a_signers_repr() -> None:
    signer = Signer(Kms(), "arn:key")  # type: ignore[arg-type]
    secret = signer.derive_webhook_secret("p", 1)
    assert secret not in repr(signer)
