"""The command line of one user of the embedded cloud."""

import time
from collections.abc import Iterator

import pytest
from attrs import field, frozen

from anchor.__main__ import main
from anchor.client import Client
from anchor.credentials import Credentials, CredentialsFile
from anchor.terminal import Terminal
from local.cloud import Cloud, User
from local.platform_client import PlatformClient


@frozen(kw_only=True)
class Anchor:
    """The command line of one user.

    Attributes:
        file: The file with the user's credentials.
        pauses: The pauses in seconds that commands requested. The tests do not wait.
    """

    cloud: Cloud
    user: User
    file: CredentialsFile
    capture: pytest.CaptureFixture[str]
    pauses: list[float] = field(factory=list)

    def run(self, *arguments: str, answers: tuple[str, ...] = ()) -> tuple[int, str, str]:
        """Run a command and enter `answers` at its prompts. Return its status, output and error output."""
        given: Iterator[str] = iter(answers)
        terminal = Terminal(
            client=Client(file=self.file, now=time.time),
            prompt_hidden=lambda _: next(given),
            prompt=lambda _: next(given),
            pause=self.pauses.append,
        )
        self.capture.readouterr()
        status = main(arguments, terminal)
        output = self.capture.readouterr()
        return status, output.out, output.err

    def run_ok(self, *arguments: str, answers: tuple[str, ...] = ()) -> str:
        """Run a command that must succeed, and return its output."""
        status, out, err = self.run(*arguments, answers=answers)
        assert (status, err) == (0, ""), err
        return out

    def login(self, *answers: str) -> tuple[int, str, str]:
        return self.run(
            "login",
            f"--api={self.cloud.api_endpoint}",
            f"--client-id={self.cloud.deployed.outputs['userPoolClientId']}",
            f"--cognito={self.cloud.emulator.endpoint_url}",
            f"--user={self.user.name}",
            answers=answers,
        )

    def sign_in_as(self, client: PlatformClient) -> "Anchor":
        """Store the access token of a client as the credentials, with an expiry in 10 minutes."""
        self.file.write(
            Credentials(
                api=self.cloud.api_endpoint,
                cognito=self.cloud.emulator.endpoint_url,
                client_id=self.cloud.deployed.outputs["userPoolClientId"],
                user="ada@example.com",
                access_token=client.token,
                refresh_token="none",
                expires_at=time.time() + 600,
            )
        )
        return self
