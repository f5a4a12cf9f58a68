"""What an answer may call, and how calls are carried out: tools, runs, sub-agents, people who approve."""
