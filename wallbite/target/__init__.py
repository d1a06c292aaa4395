"""The target: what the harness knows of a gateway, read from a descriptor."""

from wallbite.target.endings import Beside, Ends
from wallbite.target.loading import load, names, parse_target
from wallbite.target.model import GATEWAY, ROOT, Account, Claims, Config, ConfigFile, Step, Surface, Target
from wallbite.target.placeholders import UnknownPlaceholderError, expand, expand_text, names_account
from wallbite.target.requires import missing
from wallbite.target.running import (
    Action,
    Gate,
    GatewayCommands,
    Job,
    JobLog,
    Loopback,
    Need,
    Ready,
    Refusals,
    Request,
    Spawn,
    SpawnPath,
    Storm,
)
from wallbite.target.verifying import Build, Fingerprints

__all__ = [
    "GATEWAY",
    "ROOT",
    "Account",
    "Action",
    "Beside",
    "Build",
    "Claims",
    "Config",
    "ConfigFile",
    "Ends",
    "Fingerprints",
    "Gate",
    "GatewayCommands",
    "Job",
    "JobLog",
    "Loopback",
    "Need",
    "Ready",
    "Refusals",
    "Request",
    "Spawn",
    "SpawnPath",
    "Step",
    "Storm",
    "Surface",
    "Target",
    "UnknownPlaceholderError",
    "expand",
    "expand_text",
    "load",
    "missing",
    "names",
    "names_account",
    "parse_target",
]
