"""The command line: one runner over a generated index, standard library only."""
