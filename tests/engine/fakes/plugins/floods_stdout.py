"""Prints a gigabyte where its response is expected."""

import os

BLOCK = b"x" * (1 << 20)
for _ in range(1024):
    os.write(1, BLOCK)
