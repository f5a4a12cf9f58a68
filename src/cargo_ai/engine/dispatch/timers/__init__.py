"""Timers: schedules are fired and parked runs are woken when their time has come, or what they wait for has happened."""
