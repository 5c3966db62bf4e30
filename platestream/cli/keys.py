"""`platestream keys`: the secrets an installation needs, made once and kept."""

from pathlib import Path
from typing import Annotated

import typer

from platestream.settings import Settings, load_settings

app = typer.Typer(name="keys", help="Make the keys of an installation.", no_args_is_help=True)


@app.command()
def create(
    reader: Annotated[str, typer.Option(help="name of the first person who may read the log")] = "auditor",
    private_key: Annotated[
        Path | None, typer.Option(help="where the log reader's private key goes; keep it elsewhere afterwards")
    ] = None,
) -> None:
    """Make the missing keys: of plate hashes, suppressed plates, holds, signed heads, and a log reader's key pair."""
    for line in create_keys(load_settings(), reader, private_key):
        print(line)


def create_keys(settings: Settings, reader: str, private_key: Path | None) -> list[str]:
    """Make the keys that are missing; one line on each."""
    from streams.ledger.sealing import new_log_reader, new_plate_hash_key, new_private_key
    from streams.ledger.signing import new_signing_key
    from streams.suppressions.secrecy import new_suppression_key

    signing_key = settings.path(settings.gateway.ledger_signing_key_file)
    hash_key = settings.path(settings.gateway.plate_hash_key_file)
    suppressions_key = settings.path(settings.suppressions.key_file)
    public_keys = settings.path(settings.gateway.log_reader_keys_file)
    private = private_key or public_keys.parent / f"{reader}.key"
    holds_key = settings.path(settings.storage.holds_key_file)
    made_holds = new_private_key(holds_key)
    made_hash = new_plate_hash_key(hash_key)
    made_signing = new_signing_key(signing_key)
    made_suppressions = new_suppression_key(suppressions_key)
    made_reader = new_log_reader(reader, public_keys_file=public_keys, private_key_file=private)
    return [
        f"{'made' if made else 'kept'} {what}: {file}"
        for made, what, file in (
            (made_hash, "the key of plate hashes", hash_key),
            (made_suppressions, "the key of suppressed plates, for processors, storage and keeper", suppressions_key),
            (made_holds, "the key of holds", holds_key),
            (made_signing, "the key that signs the ledger's head; publish its .pub", signing_key),
            (made_reader, f"the private key of {reader}, who alone opens plates in the ledger", private),
        )
    ]
