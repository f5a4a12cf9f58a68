"""Our own lints: what the other tools do not check. `python -m tools.lint` runs them all; each module says its rule."""
