"""Cases: what is done in a stage to gather observations, one module per kind.

A module has ``plan(setting) -> list of cases`` for the harness and ``run(scene)`` for the stage. Neither judges.
"""
