"""Configurations that cannot mean what they say, who may have written them, and the seal."""
