"""The demonstration of the platform, and the checks of the deployed sites and images."""
