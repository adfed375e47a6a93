"""Logic of the image service, and the types of its API."""
