"""Answers while they are written: what the worker hears from the language model reaches those who watch. Nothing of it is stored."""
