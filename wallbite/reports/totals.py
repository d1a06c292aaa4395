"""What a run adds up to, in the words that every machine-readable format shares."""

from __future__ import annotations

from wallbite.evidence.summary import Standing, Summary
from wallbite.verdict import Ruling


def totals(summary: Summary) -> dict[str, int]:
    """How many requirements stand where, how many of the failing ones are waived, and how many verdicts there are."""
    return {
        "requirements": len(summary.requirements),
        **{str(ruling): summary.count(ruling) for ruling in Ruling},
        "waived": summary.waived,
        "verdicts": summary.verdicts,
    }


def borne(item: Standing) -> bool:
    """Whether a requirement fails, somebody answers for every failure, and nothing else of it is open."""
    return item.is_waived and item.binding is not Ruling.INCONCLUSIVE
