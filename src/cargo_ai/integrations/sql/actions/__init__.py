"""The actions of databases, one module each."""
