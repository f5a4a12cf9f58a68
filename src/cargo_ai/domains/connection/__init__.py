"""The connection room: accounts of services, and the calls that workflows make with them."""
