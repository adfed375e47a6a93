"""The emulated AWS services: ministack, with hooks where the platform needs more."""
