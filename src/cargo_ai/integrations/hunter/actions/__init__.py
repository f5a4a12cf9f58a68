"""The actions of Hunter, one module each."""
