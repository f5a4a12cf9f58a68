"""The native fast path: JavaScript paths, comparisons and boolean operators as Python closures."""
