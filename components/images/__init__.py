"""The image service: API, storage and delivery."""
