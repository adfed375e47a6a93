"""What becomes of the objects in the deploy platform's buckets with time (B3, B4)."""

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

# What a live site serves has no age: hashed files of an old page are asked for as long as the page is cached.
ASSETS: Final = (LifecycleRule(name="abort-multipart", abort_multipart_days=7),)
