"""What `platestream run` prints so that a newcomer can look around."""

import json
from datetime import UTC, datetime

from platestream.cli.running.fleet import demo_search
from platestream.cli.running.preparation import listed_plates
from platestream.settings import Settings


def guide(settings: Settings, token: str) -> str:
    """Addresses, the demo token, and a search to paste that finds something after a minute at most."""
    gateway = f"http://{settings.gateway.host}:{settings.gateway.port}"
    collector = f"http://{settings.collector.host}:{settings.collector.port}"
    probes = (settings.collector.probe_port, settings.processor.probe_port, settings.storage.probe_port)
    search = json.dumps(demo_search(listed_plates()[0][0], datetime.now(UTC)))
    return "\n".join(
        [
            f"gateway      {gateway}/docs",
            f"collector    {collector}/docs",
            f"registry     {settings.registry.url}/subjects",
            f"broker       {settings.kafka.bootstrap_servers}",
            "metrics      " + " ".join(f"http://127.0.0.1:{port}/metrics" for port in probes),
            f"data, logs   {settings.home}, {settings.home / 'logs'}",
            f"demo token   {token}",
            "",
            "a search to paste into another terminal:",
            "",
            f"curl -s {gateway}/v1/searches -H 'Authorization: Bearer {token}' \\",
            f"  -H 'Content-Type: application/json' -d '{search}'",
            "",
        ]
    )
