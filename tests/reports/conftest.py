"""What the tests of renderings share: records with failures, and with hostile names."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # `tests.evidence.samples`, however pytest was started

from tests.evidence import samples
from wallbite.evidence.model import Record
from wallbite.verdict import Ruling, Verdict

HOSTILE = (
    *("<script>alert(1)</script>", "]]>", "\x1b[31mred\x1b[0m", "abc\u202egnp.exe", "two\nlines", "x" * 4096),
    *("caf\udce9", "z" + "\u0301" * 60, "a|b`c*d_", "\" onmouseover='alert(1)", "</style><img src=x onerror=alert(1)>"),
    *("[link](javascript:alert(1))", "https://evil.example/ www.evil.example @team #1", "\x00\ufffe\U000e0041"),
)


@pytest.fixture(scope="session")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the record of a run with failures."""
    folder = tmp_path_factory.mktemp("failing") / "out"
    samples.write(folder, samples.Sample(planted=samples.failing, fault="open-config"))
    return folder


@pytest.fixture(scope="session")
def waived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with failures of which one is waived, and waivers that have expired or are stale."""
    folder = tmp_path_factory.mktemp("waived") / "out"
    borne = (
        samples.borne("WALL-01", account="untrusted"),
        samples.borne("BOOT-03", posture="file-caps", expires="2026-01-01"),
        samples.borne("BOOT-01"),
    )
    samples.write(folder, samples.Sample(planted=samples.failing, waivers=borne))
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that a page can show, and little of each."""
    folder = tmp_path_factory.mktemp("small") / "out"
    borne = (samples.borne("WALL-01"), samples.borne("BOOT-03", expires="2026-01-01"), samples.borne("BOOT-01"))
    sample = samples.Sample(
        accounts=("alpha", "untrusted"),
        surfaces=("age-key", "config-file", "vault"),
        planted=samples.failing,
        waivers=borne,
        fault="open-config",
    )
    samples.write(folder, sample)
    return folder


@pytest.fixture(scope="session")
def conformant(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record in which every requirement has a verdict and none fails."""
    return samples.write(tmp_path_factory.mktemp("conformant") / "out")


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a record whose target named everything with malice, and every verdict fails."""

    def fail(verdict: Verdict) -> Verdict:
        reason = f"{verdict.account} {verdict.surface}"
        return replace(verdict, ruling=Ruling.FAIL, reason=reason) if verdict.account else verdict

    folder = tmp_path_factory.mktemp("hostile") / "out"
    sample = samples.Sample(accounts=HOSTILE, surfaces=HOSTILE, target=HOSTILE[0], fault=HOSTILE[2], planted=fail)
    samples.write(folder, sample)
    return folder


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a record of 10,000 verdicts and 40,000 observations."""
    folder = tmp_path_factory.mktemp("large") / "out"
    accounts = tuple(f"account-{number:02}" for number in range(60))
    surfaces = tuple(f"surface-{number:02}" for number in range(56))
    record = samples.write(folder, samples.Sample(accounts=accounts, surfaces=surfaces, noise=10_000))
    assert len(record.verdicts) > 10_000
    assert len(record.observations) > 40_000
    return folder
