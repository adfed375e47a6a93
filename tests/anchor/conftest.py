"""The command line of a user, with a fake API."""

from collections.abc import Generator
from pathlib import Path

import pytest

from anchor.credentials import CredentialsFile
from tests.anchor.fake_api import Anchor, FakeApi, make_fake_api, serve


@pytest.fixture
def api() -> Generator[FakeApi]:
    api = make_fake_api()
    with serve(api):
        yield api


@pytest.fixture
def signed_out(api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Anchor:
    (folder := tmp_path / "site").mkdir()
    return Anchor(
        api=api,
        file=CredentialsFile(folder=tmp_path / "config"),
        folder=folder,
        capture=lambda: (output := capsys.readouterr(), (output.out, output.err))[1],
    )


@pytest.fixture
def anchor(signed_out: Anchor) -> Anchor:
    signed_out.sign_in()
    return signed_out
