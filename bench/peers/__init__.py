"""The peers: what others would build for the same join, each a process of its own."""
