"""The actions of Pipedrive, one module each."""
