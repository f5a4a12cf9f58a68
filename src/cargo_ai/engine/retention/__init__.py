"""Retention: what the journal holds goes by age, first the outputs of nodes, then the runs, as each workspace says."""
