"""Content: files of a workspace, and the search in their texts."""
