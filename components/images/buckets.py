"""Lifecycle and CORS rules of the images bucket."""

from typing import Final

from components.aws.bucket import CorsRule
from components.aws.lifecycle import LifecycleRule, Transition
from runtime.images.model import DELIVERED_PREFIX, UPLOAD_PREFIX

LIFECYCLE: Final = (
    # Images are requested often while they are new, and rarely later. S3 Intelligent-Tiering detects this and
    # moves each object to a cheaper access tier.
    LifecycleRule(
        name="tier-images",
        prefix=DELIVERED_PREFIX,
        transitions=(Transition(to="INTELLIGENT_TIERING", days=0),),
    ),
    # An upload is processed within seconds. If the event of an upload was lost, the upload is not needed any
    # more, because the image's row in the table also expires.
    LifecycleRule(name="expire-uploads", prefix=UPLOAD_PREFIX, expire_days=1),
    LifecycleRule(name="abort-multipart", abort_multipart_days=1),
)


def build_cors_rule(origins: tuple[str, ...]) -> CorsRule:
    """Return the CORS rule for web applications with these origins."""
    return CorsRule(
        origins=origins,
        methods=("GET", "PUT", "POST", "DELETE", "HEAD"),
        headers=("Content-Type",),
        exposed=("ETag",),
    )
