"""A mail server as RFC 5321, 3207 and 4954 describe one (read on 2026-11-27), in a thread of a test.

It takes e-mails, wants a user and a password, offers STARTTLS where it has a certificate, and says what a test orders by verb: "451 later"
to a recipient, "550 no such user", nothing at all. Use it with `tests.simulators.smtp.server.running()`.
"""
