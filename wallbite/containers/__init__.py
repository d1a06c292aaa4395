"""Containers: the stage's worker inside an image of Docker or Podman, and what is needed to get it there."""
