"""Boots: what the gate does with a configuration, at a start and at a reload, and what utility verbs gain."""
