"""How it is done on an event loop."""
