"""Step 4, matched: memory for tables of millions, zeros at first; in large pages where the system has them.

To find the place of a small page costs an access to memory of its own, for each read.
"""

import mmap


def pages(size_bytes: int) -> mmap.mmap:
    """Memory that is taken from the system only as it is written, and that can be resized without being copied."""
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
