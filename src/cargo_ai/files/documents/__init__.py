"""Documents: the text of files that people write, read by a limited process of its own."""
