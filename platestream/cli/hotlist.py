"""`platestream hotlist`: lists of plates that are looked for."""

import typer

app = typer.Typer(name="hotlist", help="Load lists of plates that are looked for.", no_args_is_help=True)
