"""How a hostile target's words are shown: inert, visible, of bounded length."""

from __future__ import annotations

import functools
import itertools
import json
import shlex
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wallbite.documents import printable
from wallbite.evidence.model import Header
from wallbite.observation import Observation
from wallbite.verdict import Ruling, Verdict

SENTENCE: Final = 600  # characters of a reason
LABEL: Final = 64  # characters of a name
_MARKS: Final = 2  # combining characters on one letter before the rest is escaped
_SEEN: Final = 240

SYMBOLS: Final[Mapping[str, str]] = {
    Ruling.PASS: "\N{CHECK MARK}",
    Ruling.FAIL: "\N{BALLOT X}",
    Ruling.INCONCLUSIVE: "?",
    Ruling.NOT_APPLICABLE: "\N{EN DASH}",
}


def inert(text: object, limit: int = SENTENCE) -> str:
    r"""One line of at most about `limit` characters, in which whatever is not printable is an escape such as ``\x1b``.

    What is left out is counted.
    """
    words = str(text)
    shown = _marks(printable(words[:limit]))
    if len(shown) <= limit and len(words) <= limit:
        return shown
    return f"{shown[:limit]}\N{HORIZONTAL ELLIPSIS}(of {len(words):,} characters)"


@functools.lru_cache(maxsize=1 << 14)
def label(name: str) -> str:
    """A name, short enough for a cell."""
    return inert(name, LABEL)


def scope(verdict: Verdict) -> str:
    """What a verdict speaks of: posture, account, surface; empty for the whole requirement."""
    names = (verdict.posture, verdict.account, verdict.surface)
    return ", ".join(label(name) for name in names if name)


def told(observation: Observation) -> str:
    """An observation in one line: what was attempted, by whom, and what came back."""
    seen = f" {_json(observation.seen)}" if observation.seen else ""
    who = f"{label(observation.account)} ({label(observation.vantage)}, {label(observation.step)})"
    layout = "" if observation.layout == "laid" else f" [{label(observation.layout)}]"
    result = label(observation.errno or "no errno")
    what = f"{label(observation.operation)} {label(observation.object)}{layout}"
    return f"{who}: {what} \N{RIGHTWARDS ARROW} {result}{seen}"


def command(header: Header, requirement: str, posture: str) -> str:
    """What reproduces a verdict."""
    words = ["sudo", "wallbite", "run", header.descriptor]
    words += ["--posture", posture] if posture else []
    words += ["--select", requirement]
    words += ["--fault", header.fault] if header.fault else []
    words += ["--seed", str(header.seed)] if header.seed is not None else []
    return inert(shlex.join(words))


def commands(header: Header, requirement: str, verdicts: Iterable[Verdict]) -> list[str]:
    """What reproduces several verdicts on a requirement: one command for each posture."""
    postures = dict.fromkeys(verdict.posture for verdict in verdicts)
    return [command(header, requirement, posture) for posture in itertools.islice(postures, 16)]


def plural(number: int, noun: str) -> str:
    """``1 verdict``, ``1,204 verdicts``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _json(value: Mapping[str, Any]) -> str:
    return inert(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")), _SEEN)


def _marks(text: str) -> str:
    """Escape the marks that are stacked on one letter, which would paint over other lines."""
    if text.isascii():
        return text
    stacked, kept = 0, []
    for char in text:
        stacked = stacked + 1 if unicodedata.category(char).startswith("M") else 0
        kept.append(char if stacked <= _MARKS else char.encode("unicode_escape").decode())
    return "".join(kept)
