"""The kernel: what every other room stands on; no room, no database, no HTTP."""
