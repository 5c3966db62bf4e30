"""`platestream`: one thin file a command. The only package that may import every room."""

import sys

import typer

from platestream.cli import (
    access,
    authorization,
    backup,
    case,
    collector,
    device,
    hold,
    hotlist,
    keys,
    ledger,
    misuse,
    person,
    processor,
    public_log,
    request,
    run,
    schemas,
    search,
    settings,
    storage,
    suppression,
    suspension,
    token,
    topics,
    training,
)
from platestream.errors import ConfigError, IntegrityError, PlatestreamError

typer_app = typer.Typer(
    name="platestream",
    help="An event pipeline for licence-plate reads: heard, matched, kept, asked about, destroyed.",
    epilog="Exit codes: 0 done, 1 failed for now, 2 the set-up is wrong, 3 a promise about the data is broken.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for role in (run, collector, processor, storage):
    typer_app.command(role.NAME, rich_help_panel="Roles")(role.command)
for group in (
    access, authorization, case, device, hold, hotlist, keys, ledger, misuse, person, request, schemas, search,
    suppression, suspension, topics, training,
):  # fmt: skip
    typer_app.add_typer(group.app)
typer_app.command("backup")(backup.back_up)
typer_app.command("restore")(backup.restore)
for single in (public_log, settings, token):
    typer_app.command(single.NAME)(single.command)


def app() -> None:
    """Entry point."""
    try:
        typer_app()
    except PlatestreamError as error:
        sys.stderr.write(f"platestream: {error}\n")
        sys.exit(2 if isinstance(error, ConfigError) else 3 if isinstance(error, IntegrityError) else 1)
