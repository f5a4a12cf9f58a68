"""The actions of FullEnrich, one module each."""
