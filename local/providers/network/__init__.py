"""Endpoints and their domain names: CloudFront, API Gateway, Route 53 and ACM."""
