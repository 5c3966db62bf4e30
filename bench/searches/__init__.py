"""Parts of `make bench-search`."""
