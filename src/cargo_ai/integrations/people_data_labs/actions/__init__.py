"""The actions of People Data Labs, one module each."""
