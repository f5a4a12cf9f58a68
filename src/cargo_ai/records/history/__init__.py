"""The history of records, as the logs of their models have it: statements that read it and that undo what it says."""
