"""The processes of a server: the supervisor, the API, the workers, and the command that starts and stops them."""
