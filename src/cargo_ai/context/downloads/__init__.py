"""Downloads: signed URLs, and rows streamed as files."""
