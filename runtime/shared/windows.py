"""Periods of fixed length, in which requests are counted."""

from datetime import datetime

from attrs import frozen


@frozen(kw_only=True)
class Window:
    """A period of fixed length. Its row counts requests, and expires after the period.

    Attributes:
        kind: What is counted, such as `PROMOTIONS`.
        seconds: Length of the period.
        at: A time in the period.
    """

    kind: str
    seconds: int
    at: datetime

    @property
    def ends_at(self) -> int:
        """End of the period in Unix seconds."""
        return (int(self.at.timestamp()) // self.seconds + 1) * self.seconds

    @property
    def sort_key(self) -> str:
        """Sort key of the row."""
        return f"{self.kind}#{self.ends_at}"

    @property
    def remaining(self) -> int:
        """Seconds until the end of the period, at least one."""
        return self.ends_at - int(self.at.timestamp())
