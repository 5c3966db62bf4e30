"""`platestream collector`: steps 1 to 3, heard, spooled and published."""

NAME = "collector"


def command() -> None:
    """Take messages from readers, keep them on disk and publish them. Stops cleanly on SIGTERM and Ctrl-C."""
    from platestream.logs import set_up_logs
    from platestream.service_clock import clock_of
    from platestream.settings import load_settings
    from streams.devices.collector import serve_collector
    from streams.registry import load_codec

    settings = load_settings()
    set_up_logs("collector", settings.log_level)
    serve_collector(settings, load_codec(settings), clock_of(settings))
