"""What watches the processes of a server, its database and its logs."""
