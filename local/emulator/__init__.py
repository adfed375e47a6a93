"""The emulated AWS services: ministack, completed where the platform needs more."""
