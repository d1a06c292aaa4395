"""Ends at start."""

import sys

sys.exit("no such luck")
