"""Imports the recorder before any component, because the recorder loads pulumi_aws without its warnings."""

import tests.components.recorder  # noqa: F401 - imported for its side effect
