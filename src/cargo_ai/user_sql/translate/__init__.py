"""Translation: the syntax tree of a user's query, checked node by node and written again as our SQL."""
