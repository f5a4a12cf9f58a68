"""Replacing the secret key: everything that is sealed is sealed again with the new one, in steps that can be taken again."""
