"""Strict YAML for everything that a user writes.

What comes in may be hostile or simply broken: a FIFO, 100 MB, an alias bomb, fifty thousand brackets. Each ends, in
bounded time and memory, in a `Problem` of one line that names the file, the line, the value, what was expected, and
what to do. What passes is plain values, each with its line.
"""

from wallbite.documents.composing import parse
from wallbite.documents.document import Document, Path
from wallbite.documents.reading import MAX_BYTES, read, read_bytes
from wallbite.documents.showing import among, nearest, printable, shown
from wallbite.documents.validating import validate

__all__ = [
    "MAX_BYTES",
    "Document",
    "Path",
    "among",
    "nearest",
    "parse",
    "printable",
    "read",
    "read_bytes",
    "shown",
    "validate",
]
