"""What other domains may use of billing: nothing yet, since charges go through the ledger, which is below the engine."""
