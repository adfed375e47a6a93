"""HTTP APIs: routes, requests, answers and their OpenAPI description."""
