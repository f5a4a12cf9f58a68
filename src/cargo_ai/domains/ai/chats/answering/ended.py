"""Ended: what a process sets when it no longer writes an answer, for those that look what is to be done then."""

from __future__ import annotations

import asyncio


class Ended(asyncio.Event):
    """Set when an answer after which something is to be done has ended or was parked here. One per process."""
