"""Storage of the image service: rows, objects and CloudFront's cache."""
