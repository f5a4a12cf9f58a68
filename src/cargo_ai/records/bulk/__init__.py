"""Many records at once: files read, encoded, loaded with COPY and unloaded."""
