"""Words: which command the words of a command line name, and what was probably meant by others."""
