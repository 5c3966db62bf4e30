"""`platestream processor`: step 4, matched."""

NAME = "processor"


def command() -> None:
    """Match reads with the hotlist and raise alerts. Stops cleanly on SIGTERM and Ctrl-C."""
    from platestream.logs import set_up_logs
    from platestream.memory import keep_freed_memory
    from platestream.service_clock import clock_of
    from platestream.settings import load_settings
    from processors.matching.worker import serve_processor
    from streams.registry import load_codec

    keep_freed_memory()
    settings = load_settings()
    set_up_logs("processor", settings.log_level)
    serve_processor(settings, load_codec(settings), clock_of(settings))
