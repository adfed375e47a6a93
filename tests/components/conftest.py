"""Imports the recorder before any component. The recorder avoids deprecation warnings of pulumi_aws."""

import tests.components.recorder  # noqa: F401 - imported for its side effect
