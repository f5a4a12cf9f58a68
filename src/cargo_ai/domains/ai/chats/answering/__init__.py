"""Answers as they are written: claimed, asked for step by step, parked, cancelled and ended."""
