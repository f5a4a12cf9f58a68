"""The actions of Clearbit, each under all its names."""
