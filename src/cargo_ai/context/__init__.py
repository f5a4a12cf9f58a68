"""What a room is handed: the context of a request, the mark of a handler, events, references."""
