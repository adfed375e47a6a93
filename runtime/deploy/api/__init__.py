"""What signed-in users may ask of the platform."""
