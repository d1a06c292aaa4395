"""Plugins whose code changes, and the records of what was locked."""
