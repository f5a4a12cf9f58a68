"""Rate policies: how many calls of which kind an account takes in a window of time, over all workers together."""
