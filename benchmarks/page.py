"""The page that people read: `docs/benchmarks.md` with its plot, from `benchmarks/results.json` and nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.growth import MOST_MEMORY, STEPS
from benchmarks.prose import ABOUT, HEAD, STANDS

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
PAGE: Final = DOCS / "benchmarks.md"
PLOT: Final = DOCS / "benchmarks.svg"
TITLES: Final = {
    "attempts": "Attempts a second inside an account",
    "hosts": "The same 300 host checks on one container",
    "core": "A core run against its floor",
    "growth": "Growth",
    "stages": "Stages",
    "starts": "Commands that answer without a run",
}

Results = Mapping[str, Any]


def write(results: Results) -> None:
    """The page and its plot."""
    PAGE.write_text("\n".join(lines(results)).rstrip() + "\n")
    if "growth" in results:
        plot(results["growth"]["points"])


def lines(results: Results) -> Iterator[str]:
    """The page, line by line."""
    machine = results["machine"]
    yield "# Measured speed\n"
    yield filled(HEAD) + "\n"
    yield (
        f"Measured on {machine['processors']} processors, {machine['system']}, Linux {machine['kernel']}, "
        f"Python {machine['python']}; load average before: {machine['load before']}."
    )
    if "provisional" in results:
        yield f"\n**These figures are provisional: {results['provisional']}.**"
    yield "\n## Goals\n"
    yield from table(("", "wanted", "measured (least to most)", ""), _goals(results))
    for name, title in TITLES.items():
        yield f"\n## {title}\n"
        yield filled(ABOUT[name]) + "\n"
        yield from SECTIONS[name](results[name]) if name in results else ["Not measured."]
        missed = [one for one in results.get(name, {}).get("goals", ()) if not one["reached"]]
        if missed and name in STANDS:
            yield "\n" + filled(f"**What stands in the way.** {STANDS[name]}")


def _goals(results: Results) -> Iterator[Sequence[str]]:
    for name in TITLES:
        for one in results.get(name, {}).get("goals", ()):
            yield one["what"], one["wanted"], told(one["measured"]), "reached" if one["reached"] else "**not reached**"


def _attempts(part: Results) -> Iterator[str]:
    rates, ratios = part["per second"], part["ratios"]
    rows = [
        (about, told(rates[name]), told(ratios[name]) if name in ratios else "1")
        for name, about in part["about"].items()
    ]
    yield f"Python {part['python']}, {part['filesystem']}, {part['attempts']:,} attempts, {part['rounds']} rounds.\n"
    yield from table(("", "attempts a second", "Wallbite's probe is so many times as fast"), rows)
    shares = part["profile"]
    told_of = f"{shares['share of the gap']:.0%} of it told"
    yield f"\nThe probe's time over the bare C loop is {shares['gap']} µs an attempt, {told_of}.\n"
    yield from table(("part", "µs an attempt"), [(n, f"{v}") for n, v in shares["microseconds an attempt"].items()])
    probe, bare, records = (1e6 / rates[name]["median"] for name in ("wallbite", "bare", "records"))
    yield (
        f"\nOver the C loop that writes the same records it is {probe - records:.3f} µs: the same parts, less the "
        f"{records - bare:.3f} µs that C takes for its records."
    )


def _hosts(part: Results) -> Iterator[str]:
    if "seconds" not in part:
        yield f"Not measured: {part['not measured']}."
        return
    rows = [
        (about, told(part["seconds"][name]), told(part["ratios"][name]) if name in part["ratios"] else "1")
        for name, about in part["about"].items()
        if name in part["seconds"]
    ]
    yield from table(("", "seconds", "Wallbite is so many times as fast"), rows)
    yield from (f"\nNot measured: {why}." for why in part["not measured"].values())
    yield "\nWhat an exec costs by itself:\n"
    shares = part["profile"]["of Wallbite's time"]
    yield from table(
        ("", "seconds", "of Wallbite's time"),
        [(what, told(each), f"{shares[what]:.0%}") for what, each in part["profile"]["seconds"].items()],
    )


def _core(part: Results) -> Iterator[str]:
    started = ", ".join(f"{number:,} {what}s" for what, number in part["started"].items())
    yield f"Postures: {', '.join(part['postures'])}; {part['cases']} cases, {part['rounds']} rounds."
    yield f"Started: {started}."
    alike, told_so = (part[f"{what} in the floor as in the run"] for what in ("boots that ended", "requests answered"))
    yield f"In the floor {alike:.1%} of the boots end as in the run; {told_so:.1%} of the requests are answered so.\n"
    seconds, shares = part["seconds"], part["profile"]
    yield from table(
        ("", "seconds"),
        [("run", told(seconds["run"])), ("floor", told(seconds["floor"])), ("ratio", told(part["ratio"]))],
    )
    yield f"\nThe difference, {shares['difference']} s ({shares['share of the difference']:.0%} of it told):\n"
    yield from table(("part", "seconds"), [(name, f"{value}") for name, value in shares["seconds"].items()])
    used = shares["processor seconds in stages"]
    yield f"\nProcessor seconds in stages: {used['run']} in the run, {used['floor']} in the floor. What differs most:\n"
    kinds = used["of the largest kinds of case"].items()
    yield from table(("kind", "run", "floor"), [(kind, f"{one}", f"{other}") for kind, (one, other) in kinds])


def _growth(part: Results) -> Iterator[str]:
    rows = [
        (
            f"{one['accounts']:,}", f"{one['surfaces']:,}", f"{one['observations']:,}", f"{one['verdicts']:,}",
            *(f"{one['seconds'][step]['median']:.3g}" for step in STEPS),
            f"{max(one['peak MiB'].values()):.0f}", f"{one['rounds']}",
        )
        for one in part["points"]
    ]  # fmt: skip
    heads = (
        "accounts",
        "surfaces",
        "observations",
        "verdicts",
        *(f"{step}, s" for step in STEPS),
        "peak, MiB",
        "rounds",
    )
    yield from table(heads, rows)
    fits = ", ".join(f"{step} {value:g}" for step, value in part["exponents of time"].items())
    yield f"\nExponents of the time over the observations: {fits}. A hundred thousand observations more take "
    yield f"{part['MiB a hundred thousand observations']:g} MiB more.\n"
    yield f"![time and memory over the number of observations]({PLOT.name})"


def _stages(part: Results) -> Iterator[str]:
    rows = []
    for kind, found in part["milliseconds"].items():
        if isinstance(found, str):
            rows.append((kind, found, ""))
        else:
            rows += [(kind, name, told(each)) for name, each in found.items()]
    yield from table(("stage", "", "ms"), rows)


def _starts(part: Results) -> Iterator[str]:
    rows = [(f"`{name}`", told(each)) for name, each in part["milliseconds"].items()]
    yield from table(("", "ms"), rows)


SECTIONS: Final = {
    "attempts": _attempts, "hosts": _hosts, "core": _core, "growth": _growth, "stages": _stages, "starts": _starts,
}  # fmt: skip


def filled(text: str) -> str:
    """In lines as long as those of other pages."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def told(spread: Mapping[str, float]) -> str:
    """``12 (10 to 14)``."""
    return f"{_short(spread['median'])} ({_short(spread['least'])} to {_short(spread['most'])})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def plot(points: Sequence[Results]) -> None:
    """Time of each step, and the peak of memory, over the number of observations."""
    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "wallbite", "svg.fonttype": "none", "font.size": 9}
    ordered = sorted(points, key=lambda one: one["observations"])
    sizes = [one["observations"] for one in ordered]
    figure, (times, memory) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for step in STEPS:
        times.loglog(sizes, [one["seconds"][step]["median"] for one in ordered], marker="o", markersize=3, label=step)
    times.set(title="time", xlabel="observations", ylabel="seconds")
    times.legend(frameon=False)
    memory.semilogx(sizes, [max(one["peak MiB"].values()) for one in ordered], marker="o", markersize=3, color="black")
    memory.axhline(MOST_MEMORY, linestyle="--", color="gray")
    memory.annotate("goal", (sizes[0], MOST_MEMORY), textcoords="offset points", xytext=(0, 4), color="gray")
    memory.set(title="peak memory of the harness", xlabel="observations", ylabel="MiB", ylim=(0, MOST_MEMORY * 1.2))
    for axis in (times, memory):
        axis.grid(visible=True, which="major", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(PLOT, format="svg", metadata={"Date": None})
    plt.close(figure)
