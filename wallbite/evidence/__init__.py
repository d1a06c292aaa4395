"""The record: written, read, verified, and summed up."""
