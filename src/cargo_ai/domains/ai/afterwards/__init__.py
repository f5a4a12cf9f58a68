"""What is done after answers have ended: evaluations, suggestions, heartbeats."""
