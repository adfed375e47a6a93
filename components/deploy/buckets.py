"""Lifecycle rules of the deploy platform's buckets."""

from typing import Final

from components.aws.lifecycle import LifecycleRule, Transition

ARTIFACTS: Final = (
    LifecycleRule(name="expire-artifacts", prefix="artifacts/", expire_days=90),
    LifecycleRule(name="abort-multipart", abort_multipart_days=7),
)

LOGS: Final = (
    LifecycleRule(
        name="archive-logs",
        prefix="logs/",
        transitions=(Transition(to="GLACIER", days=30), Transition(to="DEEP_ARCHIVE", days=365)),
    ),
    LifecycleRule(name="abort-multipart", abort_multipart_days=7),
)

# Assets do not expire: a cached page can request the hashed files of an old release at any time.
ASSETS: Final = (LifecycleRule(name="abort-multipart", abort_multipart_days=7),)
