"""What is asked of an account, what it answers, and how both travel."""
