"""Native actions with effects of this domain, one module each: reviews, memory, e-mail."""
