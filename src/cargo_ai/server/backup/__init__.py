"""Backups: one encrypted file with the database, the file store and the secret key, and the way back from it."""
