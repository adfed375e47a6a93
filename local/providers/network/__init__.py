"""What clients call: CloudFront and API Gateway."""
