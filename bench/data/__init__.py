"""Benchmarks of the data side: models, filters, exports, SQL, expressions, each against what could do no more than that one thing."""
