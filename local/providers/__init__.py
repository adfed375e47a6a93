"""The resource types that the embedded cloud can create. Importing this package registers all of them."""

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
