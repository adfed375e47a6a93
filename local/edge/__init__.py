"""The emulated CloudFront."""
