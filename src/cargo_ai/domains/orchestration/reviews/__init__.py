"""Human reviews: listed, decided and notified."""
