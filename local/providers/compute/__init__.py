"""Functions and builds: Lambda and CodeBuild."""
