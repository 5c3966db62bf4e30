"""`platestream settings`: every option, its default and what it is for."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from platestream.settings import Settings, as_text, load_settings

NAME = "settings"

_COLUMNS = ("option", "default", "what it is for")


def command(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/settings.md.")] = False,
) -> None:
    """List all settings; those in force that differ from the default are marked."""
    if markdown:
        print(markdown_page(), end="")
        return
    table = Table(*_COLUMNS, "in force")
    now = load_settings()
    for name, default, description in options(Settings):
        value: Any = now
        for part in name.split("."):
            value = getattr(value, part)
        table.add_row(name, default, description, "" if _shown(value) == default else _shown(value))
    Console().print(table)


def markdown_page() -> str:
    """The text of docs/settings.md."""
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in options(Settings)]
    return "\n".join(
        [
            "# Settings",
            "",
            "One tree, read once at start: defaults, then the TOML file named by `PLATESTREAM_CONFIG`, then variables",
            "(`kafka.bootstrap_servers` is `PLATESTREAM_KAFKA__BOOTSTRAP_SERVERS`). Unknown keys are refused.",
            "Secrets are paths of files, never values. Made by `platestream settings --markdown`.",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def options(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Dotted name, default and description of each option."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from options(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, _shown(field.default), (field.description or "").replace("|", "\\|")


def _shown(value: Any) -> str:
    return "" if value is None else as_text(value)
