"""Actions of Google Sheets: rows are read, found, appended and written by a key."""
