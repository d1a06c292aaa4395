"""A target laid down in a stage, and its running gateway. Everything here runs as root inside a stage."""
