"""What the operating system grants and what an installer lays down."""
