"""Language models: what services that have some say of them, and the action that asks one."""
