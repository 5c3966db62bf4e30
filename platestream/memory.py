"""How the C library keeps the memory that a process has freed."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # options of glibc's malloc.h
_MOST_MMAP_THRESHOLD = 32 * 1024 * 1024  # glibc refuses more
_NO_TRIMMING = 1 << 30


def keep_freed_memory() -> None:
    """Have it ready for the next fetch, instead of giving it back to the system and taking it again page by page.

    By default glibc gives back pieces of some megabytes each time, and a process that fetches all the time spends a
    tenth of its time on pages. Call it before threads are started. Another C library is left as it is.
    Source: docs/decisions/0022-memory-and-chunks.md.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option:
        set_option(_ARENA_MAX, 1)
        set_option(_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD)
        set_option(_TRIM_THRESHOLD, _NO_TRIMMING)
