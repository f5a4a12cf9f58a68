"""A server of some months: a large journal, a large ledger, and memory that stays flat."""
