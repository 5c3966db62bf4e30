"""`platestream access`: what each role may do, and which rule lets a person do something or refuses."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from platestream.cli.acting import one_of, open_ledger
from platestream.cli.person import Person
from platestream.clock import SystemClock
from platestream.settings import load_settings

app = typer.Typer(name="access", help="Show what roles may do and explain decisions.", no_args_is_help=True)


@app.command()
def roles() -> None:
    """The table of roles and what each may do."""
    from gateway.access.roles import table

    header, *rows = table()
    shown = Table(*header)
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)


@app.command()
def explain(
    person: Person,
    action: Annotated[str, typer.Argument(help="action of the table, for example search")],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Which rule allows or refuses an action now, as far as it depends on the person alone."""
    from gateway.access.decisions import decide_person
    from gateway.access.limits import limits_of
    from gateway.access.roles import ACTIONS

    known = one_of(action, ACTIONS, "ACTION")
    with open_ledger() as ledger:
        state = ledger.replay_all()
    decision = decide_person(state, person, known, SystemClock().now(), limits_of(load_settings().gateway))
    steps = [vars(step) for step in decision.steps]
    if as_json:
        print(json.dumps({"is_allowed": decision.is_allowed, "rule": decision.rule, "steps": steps}))
        return
    for step in decision.steps:
        print(f"{'allows ' if step.is_allowed else 'refuses'} {step.rule}: {step.sentence}")
    print("allowed" if decision.is_allowed else f"refused by {decision.rule}")
