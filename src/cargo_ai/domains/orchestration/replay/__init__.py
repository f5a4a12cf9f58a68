"""Replays: earlier runs repeated from a node, reusing what came before it."""
