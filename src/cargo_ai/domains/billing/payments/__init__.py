"""Payments: what Stripe does for a workspace where credits are sold."""
