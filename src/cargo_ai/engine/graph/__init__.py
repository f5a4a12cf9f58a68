"""Graphs: parsed, validated and interpreted, without I/O."""
