"""Libraries that keep channels: what they write, what they run, and who else comes to it."""
