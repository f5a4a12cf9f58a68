"""Native actions on models, one module each: what workflow nodes do with records."""
