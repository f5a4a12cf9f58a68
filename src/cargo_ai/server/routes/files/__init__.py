"""Files over HTTP: uploads, whole or in parts, and downloads, streamed in both directions."""
