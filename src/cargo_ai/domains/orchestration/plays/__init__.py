"""Plays: workflows on the records of a segment: CRUD, schedules, triggers, admission policy and what follows a batch."""
