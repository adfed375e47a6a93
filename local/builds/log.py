"""The log of one build: masked, shown while it grows, and kept in CloudWatch Logs and in a file."""

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
LONGEST_MESSAGE = 100_000  # characters; CloudWatch Logs takes 1 MiB a message
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_EVENTS = 10_000
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
SHORTEST_MASKED_LINE = 8


@frozen
class Masks:
    """Replaces secret values by `***`, as CodeBuild does with the values that it fetched itself.

    Of a value of several lines each line of some length is masked too, since a log is read by lines.
    """

    texts: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> Self:
        """Mask these values; empty ones are no secrets."""
        texts: set[str] = set()
        for value in values:
            texts.add(value)
            texts.update(line for line in value.splitlines() if len(line) >= SHORTEST_MASKED_LINE)
        # The longest first: a secret may contain another one.
        return cls(tuple(sorted(texts - {""}, key=lambda text: (-len(text), text))))

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced."""
        for secret in self.texts:
            text = text.replace(secret, "***")
        return text


class BuildLog:
    """Takes lines in order; a thread of its own sends them to CloudWatch Logs in batches.

    A context manager: leaving it sends what is left. A refused batch does not end the build: it is shown
    once as progress, and the file keeps the whole log.
    """

    def __init__(  # noqa: PLR0913 - each is named at the one place that calls it
        self,
        *,
        client: LogsClient,
        group: str,
        stream: str,
        archive: Path,
        clock: Clock,
        progress: Callable[[str], None],
    ) -> None:
        self.masks = Masks()
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

    def say(self, text: str) -> None:
        """Write a line of CodeBuild's own, with its prefix."""
        self.write(f"[Container] {self._clock():%Y/%m/%d %H:%M:%S.%f} {text}")

    def write(self, line: str) -> None:
        """Write one line of output, without its line end."""
        line = self.masks(line)
        with self._lock:
            self._archive.write(line + "\n")
            timestamp = self._timestamp(self._clock())
            # CodeBuild's messages end with the line end, which also keeps an empty line from being refused.
            for start in range(0, max(len(line), 1), LONGEST_MESSAGE):
                message = line[start : start + LONGEST_MESSAGE] + "\n"
                self._pending.append({"timestamp": timestamp, "message": message})
            behind = len(self._pending) > PENDING_LINES
        self._progress(line)
        if behind:  # the build waits for its log instead of filling the memory
            self._send()

    def _timestamp(self, now: datetime) -> int:
        """Milliseconds; never earlier than the line before, which PutLogEvents would refuse."""
        self._last_timestamp = max(self._last_timestamp, int(now.timestamp() * 1000))
        return self._last_timestamp

    def _send_regularly(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._send()

    def _send(self) -> None:
        with self._sending:  # one sender at a time keeps the order
            with self._lock:
                events, self._pending = self._pending, []
            for batch in _batches(events):
                try:
                    self._client.put_log_events(
                        logGroupName=self._group, logStreamName=self._stream, logEvents=batch
                    )
                except (ClientError, BotoCoreError) as error:
                    if not self._refused:
                        self._progress(f"The build's log could not be sent to {self._group}: {error}")
                    self._refused = True


def _batches(events: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
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
