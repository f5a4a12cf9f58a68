"""Signing in without a token: by a code that is sent by e-mail, or with an account of an OpenID provider."""
