"""`platestream storage`: steps 6 and 8, kept and asked. Sinks and gateway share one process, which owns the engine."""

import signal
import threading

NAME = "storage"


def command() -> None:
    """Keep reads and pictures, and answer searches. Stops cleanly on SIGTERM and Ctrl-C."""
    from platestream.logs import set_up_logs
    from platestream.settings import load_settings

    settings = load_settings()
    set_up_logs("storage", settings.log_level)
    stop = _stop_at_a_signal()
    from gateway.process import serve_storage  # takes seconds, in which a signal may come

    serve_storage(settings, stop)


def _stop_at_a_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
