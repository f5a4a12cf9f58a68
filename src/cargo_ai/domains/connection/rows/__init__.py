"""Row batching: the rows of many runs go to a service in one call."""
