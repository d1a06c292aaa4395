"""Stages: where a target is laid down, run and thrown away."""
