"""Renderings of a record: pure functions from a record to a text, and where they are filed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from wallbite.evidence.folder import place
from wallbite.evidence.model import Record
from wallbite.evidence.reader import read
from wallbite.evidence.signing import Signer
from wallbite.problems import UsageProblem
from wallbite.reports import attestation, html, json, junit, markdown, oscal, prometheus, sarif

Render = Callable[[Record], str]

FORMATS: Final[Mapping[str, tuple[str, Render]]] = {
    "html": ("report.html", html.render),
    "junit": ("junit.xml", junit.render),
    "markdown": ("summary.md", markdown.render),
    "json": ("report.json", json.render),
    "sarif": ("report.sarif", sarif.render),
    "oscal": ("assessment-results.json", oscal.render),
    "attestation": ("attestation.json", attestation.render),
    "prometheus": ("wallbite.prom", prometheus.render),
}
FILED: Final = ("html", "junit", "markdown")  # what every run writes


def render(directory: Path, fmt: str, signer: Signer | None = None) -> str:
    """A rendering of the record in a folder; a signer signs the attestation.

    Raises:
        UsageProblem: the format is unknown, or the record is none or not as it was written.
    """
    if fmt not in FORMATS:
        raise UsageProblem(f"no such format: {fmt!r}", expected=f"one of {', '.join(FORMATS)}")
    if signer is not None and fmt == "attestation":
        return attestation.render(read(directory), signer)
    return FORMATS[fmt][1](read(directory))


def write_all(directory: Path, record: Record | None = None) -> list[Path]:
    """Put the usual renderings beside the record; gives their paths.

    Args:
        directory: where it lies.
        record: what was read from there, where somebody has; a large one is not to be held twice.

    Raises:
        UsageProblem: the record is none, or not as it was written.
    """
    record = record or read(directory)
    paths = []
    for name, rendering in (FORMATS[fmt] for fmt in FILED):
        place(directory / name, rendering(record).encode())
        paths.append(directory / name)
    return paths
