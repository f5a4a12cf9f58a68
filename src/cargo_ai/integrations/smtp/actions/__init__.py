"""The actions of SMTP, one module each."""
