"""Dispatch: batches are submitted, enumerated into runs, queued, limited, scheduled and cancelled."""
