"""The actions of lemlist, one module each."""
