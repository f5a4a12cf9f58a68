"""The journal: the tables of runs and executions, and the code that writes and reads them."""
