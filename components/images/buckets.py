"""What becomes of the objects in the images bucket with time, and which pages upload to it (B5)."""

from typing import Final

from components.aws.bucket import CorsRule
from components.aws.lifecycle import LifecycleRule, Transition
from components.core.stage_settings import ImageSettings
from runtime.images.model import DELIVERED_PREFIX, UPLOAD_PREFIX

LIFECYCLE: Final = (
    # Images are looked at a lot when they are new, and then hardly ever: S3 finds out by itself.
    LifecycleRule(
        name="tier-images",
        prefix=DELIVERED_PREFIX,
        transitions=(Transition(to="INTELLIGENT_TIERING", days=0),),
    ),
    # An upload is gone within seconds, unless its event was given up. By then its image has expired, too.
    LifecycleRule(name="expire-uploads", prefix=UPLOAD_PREFIX, expire_days=1),
    LifecycleRule(name="abort-multipart", abort_multipart_days=1),
)


def cors(images: ImageSettings) -> CorsRule:
    """What the web applications that were named may do."""
    return CorsRule(
        origins=images.cors_origins,
        methods=("GET", "PUT", "POST", "DELETE", "HEAD"),
        headers=("Content-Type",),
        exposed=("ETag",),
    )
