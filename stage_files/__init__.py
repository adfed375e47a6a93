"""The files with the settings of stages, `Pulumi.<stage>.yaml`: their form, and the check of their values."""
