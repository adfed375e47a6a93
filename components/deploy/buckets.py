"""Lifecycle rules of the deploy platform's buckets."""

from typing import Final

from components.aws.lifecycle import LifecycleRule, Transition
from runtime.deploy.model import KEY_HANDOVER_FOLDER

ARTIFACTS: Final = (
    LifecycleRule(name="expire-artifacts", prefix="artifacts/", expire_days=90),
    # A build deletes the object with its deploy key. This rule deletes the object if no build starts.
    LifecycleRule(name="expire-deploy-keys", prefix=KEY_HANDOVER_FOLDER, expire_days=1),
    LifecycleRule(name="abort-multipart", abort_multipart_days=7),
)

LOGS: Final = (
    LifecycleRule(
        name="archive-logs",
        prefix="logs/",
        transitions=(Transition(to="GLACIER", days=30), Transition(to="DEEP_ARCHIVE", days=365)),
        expire_days=3 * 365,
    ),
    LifecycleRule(name="abort-multipart", abort_multipart_days=7),
)

# Assets do not expire: a cached page can request the hashed files of an old release at any time.
ASSETS: Final = (LifecycleRule(name="abort-multipart", abort_multipart_days=7),)
