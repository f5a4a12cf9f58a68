"""Runs and records: listed, filtered, counted, exported and cancelled."""
