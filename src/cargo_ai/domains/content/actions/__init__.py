"""What nodes of workflows do with files."""
