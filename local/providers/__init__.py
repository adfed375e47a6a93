"""The resource types that the embedded cloud can create. Importing this package registers all of them.

Each folder is named after a category of AWS services and has one module for each service.
"""

from local.providers.compute import codebuild, lambda_events, lambda_functions
from local.providers.data import dynamodb, s3
from local.providers.integration import eventbridge, sns, sqs
from local.providers.management import cloudwatch
from local.providers.network import apigateway, cloudfront, cloudfront_policies
from local.providers.security import cognito, iam, identity, kms

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
