"""The actions of Apollo, one module each."""
