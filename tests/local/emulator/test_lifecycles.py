"""The lifecycle configuration of a bucket is stored with its minimum size for transitions (L5)."""

import pytest

from local.emulator.emulator import Emulator

RULE = {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}


@pytest.mark.parametrize("size", ["varies_by_storage_class", "all_storage_classes_128K"])
def test_the_minimum_object_size_for_transitions_is_stored(emulator: Emulator, size: str) -> None:
    client = emulator.client("s3")
    client.create_bucket(
        Bucket="logs", CreateBucketConfiguration={"LocationConstraint": client.meta.region_name}
    )
    for given, expected in (
        ({"TransitionDefaultMinimumObjectSize": size}, size),
        ({}, "all_storage_classes_128K"),
    ):
        client.put_bucket_lifecycle_configuration(
            Bucket="logs", LifecycleConfiguration={"Rules": [RULE]}, **given
        )
        answer = client.get_bucket_lifecycle_configuration(Bucket="logs")
        assert answer["TransitionDefaultMinimumObjectSize"] == expected
