"""What a build left: the archive of its output, checked, and the manifests in it."""
