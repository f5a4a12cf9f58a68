"""Refreshes of models: started, carried out by workers, listed and cancelled."""
