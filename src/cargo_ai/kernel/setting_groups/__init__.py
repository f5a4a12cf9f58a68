"""Groups of settings: each declares those of one concern, and `Settings` has them all."""
