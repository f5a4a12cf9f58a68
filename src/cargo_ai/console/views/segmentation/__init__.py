"""Views of segments and their changes, and the builder of filters."""
