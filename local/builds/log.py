"""The log of one build, with masked secrets, in CloudWatch Logs and in a file."""

import gzip
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from local.builds.aws import LogsClient
from runtime.shared.clock import Clock

FLUSH_SECONDS = 0.25
PENDING_LINES = 5_000
LONGEST_MESSAGE = 100_000  # characters; the limit of CloudWatch Logs is 1 MiB per message
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_EVENTS = 10_000
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
SHORTEST_MASKED_LINE = 8


@frozen
class SecretMasker:
    """A function that replaces secret values in a text by `***`, as CodeBuild does for values from SSM.

    The function gets the log line by line, so a secret with several lines is never in one text. Therefore
    each line of such a secret is masked too, if the line has at least 8 characters.
    """

    texts: tuple[str, ...] = ()

    @classmethod
    def for_values(cls, values: Iterable[str]) -> Self:
        """Return a masker of these values. Empty values are ignored."""
        texts: set[str] = set()
        for value in values:
            texts.add(value)
            texts.update(line for line in value.splitlines() if len(line) >= SHORTEST_MASKED_LINE)
        # Replace the longest secret first, because it can contain a shorter secret.
        return cls(tuple(sorted(texts - {""}, key=lambda text: (-len(text), text))))

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced."""
        for secret in self.texts:
            text = text.replace(secret, "***")
        return text


class BuildLog:
    """A log that sends batches of lines to CloudWatch Logs from its own thread, in the order of the lines.

    The log is a context manager that sends the remaining lines on exit. If CloudWatch Logs refuses a batch,
    the build continues, and `progress` gets a message about the first refusal. The file `archive` contains
    the whole log in any case.
    """

    def __init__(  # noqa: PLR0913 - the only caller names each argument
        self,
        *,
        client: LogsClient,
        group: str,
        stream: str,
        archive: Path,
        clock: Clock,
        progress: Callable[[str], None],
    ) -> None:
        self.mask_secrets = SecretMasker()
        self._client = client
        self._group = group
        self._stream = stream
        self._clock = clock
        self._progress = progress
        self._archive = gzip.open(archive, "wt", encoding="utf-8")  # noqa: SIM115 - closed by __exit__
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._pending: list[dict[str, Any]] = []
        self._last_timestamp = 0
        self._refused = False
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._send_regularly, name=f"log {stream}", daemon=True)

    def __enter__(self) -> Self:
        self._sender.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._sender.join()
        self._send()
        self._archive.close()

    def write_message(self, text: str) -> None:
        """Write a message of CodeBuild itself. The line begins with `[Container]` and the time."""
        self.write(f"[Container] {self._clock():%Y/%m/%d %H:%M:%S.%f} {text}")

    def write(self, line: str) -> None:
        """Write one line of output, without its line end."""
        line = self.mask_secrets(line)
        with self._lock:
            self._archive.write(line + "\n")
            timestamp = self._advance_timestamp(self._clock())
            # Each message ends with a line feed, as in CodeBuild. So an empty line is not an empty message,
            # which CloudWatch Logs would refuse.
            for start in range(0, max(len(line), 1), LONGEST_MESSAGE):
                message = line[start : start + LONGEST_MESSAGE] + "\n"
                self._pending.append({"timestamp": timestamp, "message": message})
            is_behind = len(self._pending) > PENDING_LINES
        self._progress(line)
        if is_behind:  # the build waits until the lines are sent, because pending lines use memory
            self._send()

    def _advance_timestamp(self, now: datetime) -> int:
        """Return the time in milliseconds, or the previous time if the clock was set back.

        PutLogEvents refuses lines that are not in the order of their times.
        """
        self._last_timestamp = max(self._last_timestamp, int(now.timestamp() * 1000))
        return self._last_timestamp

    def _send_regularly(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._send()

    def _send(self) -> None:
        with self._sending:  # one sender at a time keeps the order
            with self._lock:
                events, self._pending = self._pending, []
            for batch in _split_into_batches(events):
                try:
                    self._client.put_log_events(
                        logGroupName=self._group, logStreamName=self._stream, logEvents=batch
                    )
                except (ClientError, BotoCoreError) as error:
                    if not self._refused:
                        self._progress(f"The build's log could not be sent to {self._group}: {error}")
                    self._refused = True


def _split_into_batches(events: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for event in events:
        needed = len(event["message"].encode()) + EVENT_OVERHEAD_BYTES
        if batch and (len(batch) == BATCH_EVENTS or size + needed > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += needed
    if batch:
        yield batch
