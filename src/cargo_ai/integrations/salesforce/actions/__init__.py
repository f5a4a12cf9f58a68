"""Actions of Salesforce, one file each."""
