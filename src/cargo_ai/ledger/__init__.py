"""The ledger: credits in double entry. Below the engine, so that charges are written in the transaction that journals what they are for."""
