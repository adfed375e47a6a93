"""HTTP APIs: routes, requests, responses and their OpenAPI description."""
