"""The environment variables that set up glibc's malloc in a process that renders."""

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20)}
"""Environment variables for a process that renders many pictures.

Without them, the memory of each picture returns to the kernel and comes back page by page. With them, a heavy
pipeline of 12 megapixels takes 85 ms instead of 105. The peak of memory does not change; an idle worker keeps
up to 256 MiB more. 32 MiB is the highest value that glibc accepts.
"""
