"""Search for secrets by content: in whatever encoding, compressed or archived, to a depth; never by name."""

from wallbite.search.files import Found, search_bytes, search_files
from wallbite.search.needles import Needle
from wallbite.search.scanner import Hit, Limits, Unread

__all__ = ["Found", "Hit", "Limits", "Needle", "Unread", "search_bytes", "search_files"]
