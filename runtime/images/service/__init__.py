"""What the image service does, and the types of its API."""
