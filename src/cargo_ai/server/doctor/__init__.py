"""Looking a server of this machine over: what it needs to work, whether that is there, and how to mend what is not."""
