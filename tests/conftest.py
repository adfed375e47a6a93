"""For all tests."""

import warnings

with warnings.catch_warnings():
    # pulumi_aws loads a module when something in it is first used, and then warns of the deprecated classes
    # in it. Done here, so that a test still fails when the program itself uses one.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_aws

    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)
