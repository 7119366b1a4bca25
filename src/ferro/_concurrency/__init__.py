"""What differs between an event loop and a thread: one name, two bodies, written by hand."""
