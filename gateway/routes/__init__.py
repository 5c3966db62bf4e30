"""The gateway over HTTP: one file a group of routes. They translate; the rules stand in access and searches."""
