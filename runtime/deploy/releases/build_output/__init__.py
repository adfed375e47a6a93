"""Output of a build: the verified archive and the manifests in it."""
