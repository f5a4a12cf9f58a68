"""The actions of Slack, one module each."""
