"""Tables and buckets: DynamoDB and S3."""
