"""Ended answers: an event that a process sets when it no longer writes an answer, for tasks that follow up on it."""

from __future__ import annotations

import asyncio


class Ended(asyncio.Event):
    """Set when an answer after which something is to be done has ended or was parked here. One per process."""
