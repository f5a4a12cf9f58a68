"""Actions of S3: objects are listed, read, written, removed, and shared by a link."""
