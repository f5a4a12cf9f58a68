"""Partitions: create those of the coming months ahead of time; each holds one month of runs and executions."""

from __future__ import annotations

from typing import Any


async def create_partitions(connection: Any, months: int = 3) -> int:
    """Make the partitions of the coming months; returns how many were missing. Cheap when none is."""
    cursor = await connection.execute("select cargo_month_partitions(%s)", (months,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
