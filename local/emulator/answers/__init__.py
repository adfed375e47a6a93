"""Hooks that correct answers of the emulator where AWS answers differently."""

from local.emulator.answers import (
    alarms,
    conflicts,
    key_value_stores,
    lifecycles,
    names,
    subscriptions,
    updates,
)


def install_answers() -> None:
    """Install all hooks of this folder."""
    alarms.install()
    key_value_stores.install()
    conflicts.install()
    lifecycles.install()
    names.install()
    subscriptions.install()
    updates.install()
