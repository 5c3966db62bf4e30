"""Benches: the real worker as a process beside its peers, on a broker of their own. Each ends with one JSON line."""
