"""From the bytes of a request to an object, and from an answer to bytes."""
