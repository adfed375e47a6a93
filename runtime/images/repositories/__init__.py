"""Storage of the image service: rows, objects, and the cache of CloudFront."""
