"""Chats, their messages, and how answers are written."""
