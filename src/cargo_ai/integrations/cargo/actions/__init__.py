"""The actions of Cargo's data."""
