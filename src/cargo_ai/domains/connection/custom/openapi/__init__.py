"""OpenAPI documents whose operations become actions at run time."""
