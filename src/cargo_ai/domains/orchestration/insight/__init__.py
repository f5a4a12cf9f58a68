"""Insight: explanations, errors, comparisons, tails, spans, traces, SQL over runs and the queue."""
