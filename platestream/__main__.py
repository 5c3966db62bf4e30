"""`python -m platestream` is the command line."""

from platestream.cli import app

app()
