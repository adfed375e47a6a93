"""Code that every component uses: stage settings, errors, grants and outputs."""
