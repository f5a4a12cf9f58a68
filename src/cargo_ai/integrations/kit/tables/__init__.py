"""Tables of databases and warehouses: the fields, rows and results that their actions share."""
