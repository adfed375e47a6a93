"""The emulated AWS services: ministack, with hooks that add what ministack lacks."""
