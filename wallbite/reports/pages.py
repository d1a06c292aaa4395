"""What every HTML page shares: templates that escape whatever they are given, and a style that its policy names."""

from __future__ import annotations

import base64
import functools
import hashlib

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wallbite.content import content
from wallbite.reports.text import inert, label, plural


@functools.cache
def environment() -> Environment:
    """Templates of reports/, which escape whatever they are given."""
    environment = Environment(
        loader=FileSystemLoader(content("reports")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"inert": inert, "label": label, "plural": plural}
    return environment


def style(name: str) -> dict[str, str]:
    """``style``, from a file of reports/, and ``style_digest`` for the page's policy."""
    css = content("reports", f"{name}.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {"style": Markup(css), "style_digest": digest}  # noqa: S704 - our own file
