"""`platestream request`: ask the gateway for access, answer who asks, have evidence packaged, keep the 5B list.

GATEWAY_TOKEN=$(platestream token analyst-7) platestream request access --assignment "auto theft" --purpose "cars"
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID, uuid4

import typer

from platestream.cli import request_suppression
from platestream.cli.asking import Url, open_gateway
from platestream.clock import SystemClock
from platestream.errors import InvalidMessage

app = typer.Typer(
    name="request",
    help="Ask for access to records, approve or deny it, get evidence of a hold. The gateway is asked; the token says "
    "who asks.",
    no_args_is_help=True,
)
app.add_typer(request_suppression.app)

Context = typer.Context
RequestId = Annotated[UUID, typer.Argument(help="id of the request, as `request list` shows it")]
Document = Annotated[str, typer.Option(help="id of the document that this records")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]


@app.callback()
def asked(context: Context, url: Url = None) -> None:
    """The token is taken from the variable GATEWAY_TOKEN."""
    context.obj = url


@app.command(epilog='Example: platestream request access --assignment "auto theft" --purpose "stolen cars"')
def access(
    context: Context,
    assignment: Annotated[str, typer.Option(help="the work assignment that requires access")],
    purpose: Annotated[str, typer.Option(help="what access is for")],
) -> None:
    """Ask for access to stored reads for yourself."""
    authorization_id = str(uuid4())
    body = {"authorization_id": authorization_id, "assignment": assignment, "purpose": purpose}
    _act(context, "access-requested", body, f"asked for as {authorization_id}; it waits for the commander")


@app.command("list", epilog="Example: platestream request list --json")
def list_(context: Context, as_json: AsJson = False) -> None:
    """Requests for access that nobody has answered yet."""
    _print(_show(context, "/v1/access-requests"), as_json, ("person_id", "authorization_id", "assignment", "purpose"))


@app.command(epilog="Example: platestream request show analyst-7")
def show(context: Context, person: Annotated[str, typer.Argument(help="id of the person")]) -> None:
    """What stands for a person, as JSON: roles, requests, approvals that wait for their second act, trainings."""
    print(json.dumps(_show(context, f"/v1/people/{quote(person, safe='')}"), indent=1))


@app.command(epilog="Example: platestream request approve 0b0e7f1c-6d0c-4d2c-9a53-8f6f2b1f7c11 --document memo-26-17")
def approve(
    context: Context,
    request: RequestId,
    document: Document,
    days: Annotated[int, typer.Option(min=1, help="days from now until access ends")] = 365,
    shift: Annotated[str | None, typer.Option(help="hours of the assignment, such as 07:00-17:00")] = None,
) -> None:
    """First act, the commander's or a delegate's: approve what was asked for, for the assignment that it names."""
    waiting, now = _waiting(context, request), SystemClock().now()
    until = now + timedelta(days=days)
    span = {"from_at": now.isoformat(), "until_at": until.isoformat()}
    second = f"platestream request authorize {waiting['person_id']} {request}"
    done = f"approved until {until:%Y-%m-%d}; an LPR administrator must run `{second}`"
    body = {**waiting, **span, "document_id": document, "shift": shift}
    _act(context, "access-approved", body, done)


@app.command(
    epilog='Example: platestream request deny 0b0e7f1c-6d0c-4d2c-9a53-8f6f2b1f7c11 --reason "patrol does not need it"'
)
def deny(context: Context, request: RequestId, reason: Annotated[str, typer.Option(help="why")]) -> None:
    """Answer a request with no. What stands already is not touched."""
    person_id = _waiting(context, request)["person_id"]
    body = {"person_id": person_id, "authorization_id": str(request), "reason": reason}
    _act(context, "access-denied", body, f"{person_id} gets no access by this request")


@app.command(epilog="Example: platestream request authorize analyst-7 0b0e7f1c-6d0c-4d2c-9a53-8f6f2b1f7c11")
def authorize(context: Context, person: Annotated[str, typer.Argument(help="who asked")], request: RequestId) -> None:
    """Second act, an LPR administrator's: from here on the authorization stands."""
    body = {"person_id": person, "authorization_id": str(request)}
    _act(context, "access-authorized", body, f"{person} is on the access list")


@app.command(
    epilog="Example: platestream request package 5e1f0c52-3f0e-4d7b-8a51-0c2d7c1d9a10 evidence --document "
    "subpoena-26-7 --recipient county-attorney --key ledger-signing.pub"
)
def package(  # noqa: PLR0913, PLR0917 - one argument an option
    context: Context,
    hold: Annotated[UUID, typer.Argument(help="id of the hold")],
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, writable=True, help="where it is written")],
    document: Document,
    recipient: Annotated[str, typer.Option(help="who gets it")],
    key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="published key of the ledger; checks the signature")
    ] = None,
) -> None:
    """All that a hold keeps, as one zip: reads, alerts, pictures, custody, manifest. Its hashes are checked here.

    Exit code 3 when it does not verify; nothing is left in the folder then.
    """
    from platestream.cli.packaging import fetch_package, read_key

    public_key = read_key(key) if key else None
    with open_gateway(context.obj) as client:
        said = {"document_id": document, "recipient": recipient}
        print(fetch_package(client, hold, said, folder, public_key))


def _waiting(context: Context, request: UUID) -> dict[str, Any]:
    for one in _show(context, "/v1/access-requests"):
        if one["authorization_id"] == str(request):
            return dict(one)
    raise InvalidMessage("no-such-request", "No request of that id waits; `platestream request list` shows which do.")


def _show(context: Context, path: str) -> Any:
    with open_gateway(context.obj) as client:
        return client.show(path)


def _act(context: Context, kind: str, body: dict[str, Any], done: str) -> None:
    with open_gateway(context.obj) as client:
        print(f"{done} (ledger offset {client.act(kind, body)})")


def _print(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...]) -> None:
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    for row in rows:
        print("  ".join(_on_one_line(row[column]) for column in columns))
    print(f"{len(rows)} waiting")


def _on_one_line(text: str) -> str:
    """What somebody else wrote, without what would move the cursor or begin a line of its own."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
