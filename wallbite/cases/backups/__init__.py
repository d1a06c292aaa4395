"""Archives: what they hold, how they come to be, and what a restore brings back."""
