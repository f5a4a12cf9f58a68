"""Reading what happened: causes, comparisons, spans and SQL."""
