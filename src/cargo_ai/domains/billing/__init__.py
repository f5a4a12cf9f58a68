"""The domain billing: usage, the subscription and its budget, invoices, and payments through Stripe."""
