"""`platestream schemas`: put the record versions into the schema registry, or check that they are there."""

import typer

from platestream.settings import load_settings

app = typer.Typer(name="schemas", help="Register the Avro records, or check the registry.", no_args_is_help=True)


@app.command()
def register() -> None:
    """Register every version of every record. Safe to repeat."""
    from streams.registry import register_schemas

    _print(register_schemas(load_settings().registry.url))


@app.command()
def check() -> None:
    """Look every version up in the registry."""
    from streams.registry import look_up_wire_ids

    _print(look_up_wire_ids(load_settings().registry.url))


def _print(wire_ids: dict[str, dict[int, int]]) -> None:
    for record, ids in sorted(wire_ids.items()):
        print(f"{record}: " + ", ".join(f"version {number} has id {wire_id}" for number, wire_id in ids.items()))
