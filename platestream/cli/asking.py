"""What the commands that ask the gateway share: its address, the person's token, a client."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from platestream.errors import ConfigError
from platestream.settings import GatewaySettings, load_settings

if TYPE_CHECKING:
    from gateway.client import GatewayClient

TOKEN = "GATEWAY_TOKEN"  # noqa: S105 - the name of a variable
Url = Annotated[str | None, typer.Option(help="address of the gateway; default: that of the settings")]


def address_of(gateway: GatewaySettings) -> str:
    """Where the gateway of these settings answers."""
    return f"{'https' if gateway.tls_certificate_file else 'http'}://{gateway.host}:{gateway.port}"


def open_gateway(url: str | None) -> "GatewayClient":
    """A client for whoever's token the environment has. Raises ConfigError without one."""
    from gateway.client import GatewayClient

    if not os.environ.get(TOKEN):
        raise ConfigError(f"Set {TOKEN} to your token; `platestream token` prints one of the local issuer.")
    return GatewayClient(url or address_of(load_settings().gateway), os.environ[TOKEN])
