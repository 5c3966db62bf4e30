"""`platestream device`: readers and their credentials."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from platestream.cli.acting import record
from platestream.clock import SystemClock
from platestream.settings import Settings, load_settings

app = typer.Typer(name="device", help="Add readers to the device registry, or list them.", no_args_is_help=True)


@app.command()
def add(
    id: Annotated[str, typer.Argument(help="lower case letters, digits and dashes")],
    vendor: Annotated[str, typer.Option(help="whose message format it posts, for example openalpr or rekor")],
    latitude: Annotated[float, typer.Option(help="degrees, WGS 84")],
    longitude: Annotated[float, typer.Option(help="degrees, WGS 84")],
    zone: Annotated[str, typer.Option(help="time zone by its IANA name")] = "America/Chicago",
) -> None:
    """Add a reader and print its credential, which is shown this once. Restart the collector afterwards."""
    print(add_device(load_settings(), id, vendor, (latitude, longitude), zone))


By = Annotated[str, typer.Option(help="who does it")]
Moment = Annotated[datetime | None, typer.Option(help="since when, UTC; default: now")]


@app.command()
def place(
    id: Annotated[str, typer.Argument(help="a fixed reader")],
    latitude: Annotated[float, typer.Option(help="degrees, WGS 84")],
    longitude: Annotated[float, typer.Option(help="degrees, WGS 84")],
    by: By,
    at: Moment = None,
) -> None:
    """Tell the public log where a fixed reader stands; where it stood before stays in the log."""
    from streams.ledger.publishing import ReaderPlaced

    placed = ReaderPlaced(device_id=id, latitude=latitude, longitude=longitude, from_at=_moment(at))
    record(placed, by=by, about=id, done=f"{id} stands there")


@app.command()
def remove(id: Annotated[str, typer.Argument(help="a fixed reader")], by: By, at: Moment = None) -> None:
    """Tell the public log that a fixed reader was taken away. The registry's file is edited by hand."""
    from streams.ledger.publishing import ReaderRemoved

    record(ReaderRemoved(device_id=id, until_at=_moment(at)), by=by, about=id, done=f"{id} is taken away")


def _moment(at: datetime | None) -> datetime:
    return at.replace(tzinfo=UTC) if at else SystemClock().now()


@app.command(name="list")
def list_() -> None:
    """List the readers."""
    from streams.devices.adapters import ADAPTERS
    from streams.devices.registry import load_devices

    settings = load_settings()
    for device in load_devices(settings.path(settings.collector.devices_file), ADAPTERS):
        print(f"{device.id}  {device.vendor}  {device.latitude} {device.longitude}  {device.zone}")


def add_device(settings: Settings, id_: str, vendor: str, place: tuple[float, float], zone: str) -> str:
    """Add a reader to the registry file and return its credential. The file is only changed if it stays valid.

    Raises ConfigError when the device is not allowed in the registry.
    """
    from streams.devices.adapters import ADAPTERS
    from streams.devices.registry import load_devices, new_credential

    file = settings.path(settings.collector.devices_file)
    token, credential = new_credential()
    table = (
        f'\n[[device]]\nid = "{id_}"\nvendor = "{vendor}"\n{credential}\n'
        f'latitude = {place[0]}\nlongitude = {place[1]}\nzone = "{zone}"\n'
    )
    fresh = file.with_suffix(".new")
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text((file.read_text() if file.exists() else "") + table)
    try:
        load_devices(fresh, ADAPTERS)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    return token
