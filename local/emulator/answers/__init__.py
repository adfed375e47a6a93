"""Hooks that correct the emulator's responses where they differ from the responses of AWS."""

from local.emulator.answers import (
    alarms,
    conflicts,
    key_value_stores,
    lifecycles,
    names,
    parameters,
    subscriptions,
    updates,
)


def install_answer_hooks() -> None:
    """Install all hooks of this folder."""
    alarms.install_alarm_hooks()
    key_value_stores.install_key_value_store_hooks()
    conflicts.install_conflict_checks()
    lifecycles.install_lifecycle_hooks()
    names.install_name_checks()
    parameters.install_parameter_hooks()
    subscriptions.install_subscription_hooks()
    updates.install_update_hooks()
