"""Native actions on models: what workflow nodes do with records."""
