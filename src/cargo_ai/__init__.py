"""cargo-ai: self-hosted revenue orchestration, driven from the shell."""

__version__ = "0.1.0"
