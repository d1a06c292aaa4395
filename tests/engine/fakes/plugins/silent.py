"""Says nothing, and is content."""
