"""The audit log: who did what to which project from where."""
