"""The emulated CodeBuild: it runs a buildspec on this machine."""
