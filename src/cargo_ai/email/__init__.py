"""E-mail: addresses, plain-text bodies and the SMTP client."""
