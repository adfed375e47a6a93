"""The CloudFront distribution that all sites share."""
