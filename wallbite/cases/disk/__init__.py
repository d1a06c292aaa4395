"""Modes, owners and kinds of what lies on disk, and races for it."""
