"""Loads the provider's modules that warn when they are first used."""

import warnings

import pulumi_aws

with warnings.catch_warnings():
    # They define classes that are deprecated. Done here, so that a test still fails when a program uses one.
    warnings.simplefilter("ignore", DeprecationWarning)
    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)
