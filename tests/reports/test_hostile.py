"""A target that names everything with malice changes its own text in a report, and nothing else."""

from __future__ import annotations

import base64
import html.parser
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.evidence import samples
from tests.reports.conftest import HOSTILE
from wallbite.evidence.model import Record
from wallbite.reports import FORMATS
from wallbite.verdict import Ruling, Verdict

PLAIN: Final = tuple(f"name-{number:02}" for number in range(len(HOSTILE)))
CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\ud800-\udfff]")


class Tags(html.parser.HTMLParser):
    """The tags of a page with the names of their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.found.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Note that it ends."""
        self.found.append(("/", tag))


def shape(value: Any) -> Any:
    """A JSON value without its texts."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__ if isinstance(value, str) else value


def of_attestation(text: str) -> Any:
    """The envelope's statement, without its texts."""
    return shape(json.loads(base64.b64decode(json.loads(text)["payload"])))


def of_markdown(text: str) -> Any:
    """Its tags and its lines' beginnings."""
    return re.findall(r"</?[a-z]+>", text), [re.match(r"[#|*\- ]*", line)[0] for line in text.splitlines()]  # type: ignore[index]


def of_prometheus(text: str) -> Any:
    """Every sample's name, labels and value."""
    families = text_string_to_metric_families(text)
    return [(one.name, sorted(one.labels), one.value > 1e9 or one.value) for item in families for one in item.samples]


SKELETONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "html": lambda text: Tags(text).found,
    "junit": lambda text: [(one.tag, sorted(one.attrib)) for one in ET.fromstring(text.encode()).iter()],  # noqa: S314
    "markdown": of_markdown,
    "json": lambda text: shape(json.loads(text)),
    "sarif": lambda text: shape(json.loads(text)),
    "oscal": lambda text: shape(json.loads(text)),
    "attestation": of_attestation,
    "prometheus": of_prometheus,
}


def named(folder: Path, names: tuple[str, ...]) -> Record:
    """A record in which every pair of these names fails."""

    def fail(verdict: Verdict) -> Verdict:
        reason = f"{verdict.account} read {verdict.surface}"
        return replace(verdict, ruling=Ruling.FAIL, reason=reason) if verdict.account else verdict

    borne = [samples.borne("WALL-01", account=names[0]), samples.borne("WALL-02", account=names[3])]
    sample = samples.Sample(
        accounts=names, surfaces=names, target=names[0], fault=names[2], planted=fail, waivers=borne, postures=("root",)
    )
    return samples.write(folder, sample)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Record]:
    """The same record with hostile and with plain names."""
    folder = tmp_path_factory.mktemp("pair")
    return named(folder / "hostile", HOSTILE), named(folder / "plain", PLAIN)


def test_every_format_is_looked_at() -> None:
    """None is left out."""
    assert SKELETONS.keys() == FORMATS.keys()


@pytest.mark.parametrize("fmt", FORMATS)
def test_hostile_names_change_nothing_but_their_own_text(fmt: str, pair: tuple[Record, Record]) -> None:
    """Element by element the report is the same as with plain names, and holds no control character."""
    hostile, plain = (FORMATS[fmt][1](record) for record in pair)
    assert SKELETONS[fmt](hostile) == SKELETONS[fmt](plain)
    hostile.encode()
    assert not CONTROLS.search(hostile)
