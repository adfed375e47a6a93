"""Commands for programs that use the components."""
