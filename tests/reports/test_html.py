"""The page that an auditor files."""

from __future__ import annotations

import html.parser
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence import samples
from tests.reports.conftest import HOSTILE
from wallbite.evidence.model import Record
from wallbite.evidence.reader import read
from wallbite.reports import findings, render
from wallbite.reports.html import render as page_of
from wallbite.verdict import Ruling, Verdict

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    """A strict reader: tags, ids, links, and whether every tag is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag."""
        assert self.open.pop() == tag, f"{tag} closes another"

    def handle_data(self, data: str) -> None:
        """Note the words."""
        if self.open[-1:] != ["style"]:
            self.words += data


@pytest.mark.parametrize("name", ["failing", "hostile", "large", "waived"])
def test_the_page_is_sound(name: str, request: pytest.FixtureRequest) -> None:
    """Tags close, ids are unique, links lead somewhere, and nothing is fetched or run."""
    page = Page(render(request.getfixturevalue(name), "html"))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if link.removeprefix("#") not in page.ids} == set()
    assert not page.tags & {"script", "img", "link", "iframe", "object", "form", "base"}
    assert not {name for name in page.attributes if name.startswith("on")} | page.attributes & {"style", "src"}
    assert {"header", "nav", "main", "footer", "h1"} <= page.tags


def test_nothing_may_be_loaded_or_run(failing: Path) -> None:
    """The policy allows one style sheet, by its digest."""
    text = render(failing, "html")
    assert re.search(r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; base-uri 'none'", text)


def test_everything_that_an_auditor_asks_for_is_there(failing: Path) -> None:
    """Outcome, scope, population, failures, exclusions, provenance."""
    record = read(failing)
    words = Page(render(failing, "html")).words
    for wanted in (
        "Not conformant",
        "not-conformant: 5 pass, 4 fail, 1 inconclusive, 1 not applicable (of 11; 315 verdicts)",
        "Seeded fault in place: open-config",
        "Not covered by this run: SIDE, INST",
        "untrusted read age-key: OK, expected EACCES",
        "o178 untrusted (spawned, attempt): read age-key → EACCES",
        "Own it by the gateway's uid with mode 0600",
        "sudo wallbite run reference --posture ambient-caps --select WALL-01 --fault open-config --seed 1234567",
        "no answer within 10 s",
        "this target's configuration has no accounts to get wrong",
        "Plugins that share an account are not walled from each other.",
        record.digest,
        record.header.catalogue_digest,
        record.header.descriptor_digest,
        "6.1.0-18-amd64",
        "does not prove who wrote them",
    ):
        assert wanted in re.sub(r"\s+", " ", words), wanted


def test_hostile_names_are_inert_and_visible(hostile: Path) -> None:
    """Each name is there to be read, and none does anything."""
    text = render(hostile, "html")
    words = Page(text).words
    for shown in ("<script>alert(1)</script>", "]]>", "\\x1b[31mred", "abc\\u202egnp.exe", "two\\nlines", "caf\\udce9"):
        assert shown in words
    assert "x" * 64 + "…(of 4,096 characters)" in words
    assert not set("\x1b\u202e\x00\ufffe") & set(text)
    assert len(HOSTILE) ** 2 <= text.count('class="c fail"')
    text.encode()


def test_a_word_and_a_symbol_stand_beside_every_colour(failing: Path) -> None:
    """Who cannot tell the colours reads the word."""
    text = render(failing, "html")
    cells = re.findall(r'<td class="c [a-z-]+"[^>]*>(.*?)</td>', text)
    assert len(cells) > 300
    assert all(re.fullmatch(r".<span> [a-z -]+</span>", cell) for cell in cells)


def test_200_accounts_and_60_surfaces_stay_below_5_mb(tmp_path: Path) -> None:
    """36,000 pairs in three postures, all of them shown, half of them failing."""

    def some(verdict: Verdict) -> Verdict:
        bad = verdict.account.endswith(("1", "3", "5", "7", "9"))
        return replace(verdict, ruling=Ruling.FAIL, reason="read gave OK") if bad else verdict

    accounts = tuple(f"account-{number:03}" for number in range(200))
    surfaces = tuple(f"a-surface-of-the-gateway-{number:02}" for number in range(60))
    record = samples.write(tmp_path / "out", samples.Sample(accounts=accounts, surfaces=surfaces, planted=some))
    text = page_of(record)
    assert len(text.encode()) < 5_000_000
    assert text.count('<td class="c pass"') > 17_000
    assert "more; all are in record.jsonl." in text


def test_what_is_not_listed_is_counted(monkeypatch: pytest.MonkeyPatch, failing: Path) -> None:
    """Lines that were left out are said, never dropped in silence."""
    monkeypatch.setattr(findings, "ROWS", 0)
    monkeypatch.setattr(findings, "GROUPS", 3)
    assert "lines more; all are in record.jsonl." in page_of(read(failing))


@pytest.mark.parametrize(
    ("change", "title"), [("none", "Conformant"), ("fail", "Not conformant"), ("inconclusive", "Undecided")]
)
def test_the_banner_says_the_outcome(conformant: Record, change: str, title: str) -> None:
    """In words, in the title too."""
    more = () if change == "none" else (Verdict("WALL-01", Ruling(change), "why", "root"),)
    text = page_of(replace(conformant, verdicts=(*conformant.verdicts, *more)))
    assert f'<h1 id="outcome">{title}</h1>' in text
    assert f"<title>{title}: reference" in text


def test_a_run_without_anything_is_a_page_too(conformant: Record) -> None:
    """Nothing was selected, nothing was found, and it says so."""
    header = replace(conformant.header, requirements=(), accounts=(), surfaces=(), residuals={}, not_applicable={})
    text = page_of(replace(conformant, header=header, verdicts=(), observations=(), cases=()))
    assert "Undecided" in text
    assert "No verdict of this run speaks of an account or a surface." in text


def test_several_observations_are_told_by_what_came_back(conformant: Record) -> None:
    """A pass shows which operations gave which errno, in which layout."""
    first = conformant.observations[1]
    more = (
        replace(first, operation="chmod", id="x1"),
        replace(first, operation="chmod", errno="EPERM", layout="opened", id="x2"),
    )
    verdict = Verdict("WALL-01", Ruling.PASS, "as the table says", "root", "alpha", "age-key", (first.id, "x1", "x2"))
    text = page_of(replace(conformant, verdicts=(verdict,), observations=(*conformant.observations, *more)))
    assert "<code>laid: read, chmod → EACCES</code><code>opened: chmod → EPERM</code><code>o2, x1, x2</code>" in text


def test_a_waived_failure_is_shown_as_a_failure_that_is_waived(waived: Path) -> None:
    """In the summary, the population, its card and the list; with owner, days, justification."""
    text = render(waived, "html")
    words = re.sub(r"\s+", " ", Page(text).words)
    for wanted in (
        "At least one MUST that is not waived fails.",
        "1 failure is waived, which is shown and does not decide.",
        "[1 fail is waived: shown, not decisive] [1 waiver is expired] [1 waiver is stale]",
        "fail waived WALL-01 MUST",
        "waived by Ada Lovelace until 2026-12-31",
        "The directory moves with release 4.",
        "it expired on 2026-01-01; renew it, or mend what it was for",
        "what it speaks of passes now; remove it",
    ):
        assert wanted in words, wanted
    cell = re.search(r'title="untrusted . age-key: fail \(WALL-01\)">✗<span> fail</span>', text)
    assert cell


def test_the_outcome_in_words_is_true_with_waivers(conformant: Record) -> None:
    """No sentence says that nothing fails where something does."""
    bad = replace(conformant.verdicts[0], ruling=Ruling.FAIL, reason="open", control="")
    header = replace(conformant.header, waivers=(samples.borne(bad.requirement, posture=bad.posture),))
    text = page_of(replace(conformant, header=header, verdicts=(bad, *conformant.verdicts[1:])))
    assert "Every MUST of this run has a verdict, and none that is not waived fails." in text
    expired = replace(header, waivers=(samples.borne("WALL-01", expires="2026-01-01"),))
    text = page_of(replace(conformant, header=expired))
    assert "No MUST fails, but a waiver has expired." in text


def test_the_run_can_be_seen_by_control(failing: Path) -> None:
    """Each control with its title, where it stands, and the requirements that serve it; why, where they are."""
    words = re.sub(r"\s+", " ", Page(render(failing, "html")).words)
    assert "NIST SP 800-53 r5 2 controls" in words
    assert "✗ fail AC-3Access EnforcementBOOT-01, BOOT-02, BOOT-03 (fail), BOOT-10 (fail), CONF-01" in words
    assert "CIS Controls v8 1 control" in words
    assert "house-rules 1 control" in words
    assert "NIST SP 800-53 r5 AC-6(8)Privilege Levels for Code Execution. It runs with less." in words


def test_the_self_test_is_named(conformant: Record) -> None:
    """None stands behind a run where none was found; else its digest is there."""
    assert "None stands behind this run" in page_of(conformant)
    footer = replace(conformant.footer, self_test="5e1f (2026-01-01)")
    assert '<code class="digest">5e1f (2026-01-01)</code>' in page_of(replace(conformant, footer=footer))
