"""Loads the recorder before any component: it loads pulumi_aws without the warnings that pulumi_aws makes."""

import tests.components.recorder  # noqa: F401 - for what loading it does
