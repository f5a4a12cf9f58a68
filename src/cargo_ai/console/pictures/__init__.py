"""Pictures of the console: functions from data to SVG that a strict Content-Security-Policy lets through."""
