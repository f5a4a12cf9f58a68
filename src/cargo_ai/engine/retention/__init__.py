"""Retention: what the journal holds goes by age, first what nodes gave, then the runs, as each workspace says."""
