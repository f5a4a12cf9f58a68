"""What domains work with: the context of a request, handlers, lookups, events, usages, signed URLs, exports."""
