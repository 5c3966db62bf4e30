"""The machine a bench ran on, for its heading: figures of a busy machine are lower bounds."""

import os
import platform


def describe_machine() -> str:
    """Cores, Python and the load average of the last minute."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f} at start"
