"""The resource types that the embedded cloud can create. Importing this package registers all of them.

Each folder is named after a category of AWS services and has one module for each service.
"""

from local.providers.compute import codebuild, lambda_events, lambda_functions, lambda_permissions
from local.providers.data import dynamodb, s3, s3_configurations, s3_objects
from local.providers.integration import eventbridge, sns, sqs
from local.providers.management import budgets, cloudwatch, cloudwatch_logs
from local.providers.network import (
    acm,
    apigateway,
    apigateway_domains,
    cloudfront,
    cloudfront_functions,
    cloudfront_policies,
    route53,
)
from local.providers.security import cognito, iam, identity, kms

__all__ = [
    "acm",
    "apigateway",
    "apigateway_domains",
    "budgets",
    "cloudfront",
    "cloudfront_functions",
    "cloudfront_policies",
    "cloudwatch",
    "cloudwatch_logs",
    "codebuild",
    "cognito",
    "dynamodb",
    "eventbridge",
    "iam",
    "identity",
    "kms",
    "lambda_events",
    "lambda_functions",
    "lambda_permissions",
    "route53",
    "s3",
    "s3_configurations",
    "s3_objects",
    "sns",
    "sqs",
]
