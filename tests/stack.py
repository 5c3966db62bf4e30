"""The embedded stack as a session fixture."""
