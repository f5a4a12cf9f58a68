"""Formats: how a reply is printed, as JSON, lines of JSON, a table, CSV, chosen fields, or a page for people."""
