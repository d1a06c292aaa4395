"""The policy tables under ``conformance/tables``: what must come back, as data."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from wallbite.content import content
from wallbite.documents import read


@cache
def load() -> dict[str, Any]:
    """Every table, by the name of its file without the ending.

    Raises:
        UsageProblem: one of them is not sound YAML.
    """
    folder = content("conformance", "tables")
    found = {path.stem: read(path).value for path in folder.glob("*.yaml")}
    ordered: dict[str, Any] = json.loads(json.dumps(found, sort_keys=True))  # as it comes back from a record
    return ordered
