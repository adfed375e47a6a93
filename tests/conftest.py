"""For all tests."""

import gc
import warnings

with warnings.catch_warnings():
    # pulumi_aws loads a module when something in it is first used, and then warns of the deprecated classes
    # in it. Done here, so that a test still fails when the program itself uses one.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_aws

    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)

# A worker holds a million objects of the SDK, of botocore and of moto from its beginning to its end. Looking
# through them for garbage again and again took a quarter of the suite's time.
gc.collect()
gc.freeze()
gc.set_threshold(100_000, 50, 100)
