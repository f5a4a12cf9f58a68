"""Accounts: what calls are made with: found, opened, verified, and kept within their limits."""
