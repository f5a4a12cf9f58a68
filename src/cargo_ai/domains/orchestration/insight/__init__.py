"""Insight: explanations, errors, comparisons, spans, traces, SQL over runs and the queue."""
