"""The actions of ZeroBounce, one module each."""
