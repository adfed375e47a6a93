"""The types of resources that the embedded cloud can create. Importing the package registers them all."""

from local.providers import (
    apigateway,
    cloudfront,
    cloudfront_policies,
    cloudwatch,
    codebuild,
    cognito,
    dynamodb,
    eventbridge,
    iam,
    identity,
    kms,
    lambda_events,
    lambda_functions,
    s3,
    sns,
    sqs,
)

__all__ = [
    "apigateway",
    "cloudfront",
    "cloudfront_policies",
    "cloudwatch",
    "codebuild",
    "cognito",
    "dynamodb",
    "eventbridge",
    "iam",
    "identity",
    "kms",
    "lambda_events",
    "lambda_functions",
    "s3",
    "sns",
    "sqs",
]
