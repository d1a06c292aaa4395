"""What `docs/benchmarks.md` says around its figures."""

from __future__ import annotations

from typing import Final

HEAD: Final = (
    "This page is written by `nox -s benchmark` (as root, on an otherwise idle machine), from "
    "`benchmarks/results.json`. Ways of doing the same thing are measured in turns, in one run on one machine; a "
    "ratio is of the same round. Each figure is a median, with the least and the most behind it. `python -m "
    "benchmarks PART` measures one part again."
)

ABOUT: Final = {
    "attempts": (
        "A hundred files of root's that an account can name and not open, on a stage's overlay. All ways make the "
        "same system call; the probe also says who it is, reads a plan, and keeps a record of each attempt under "
        "a digest. The time is from the start of the process until its last byte is read."
    ),
    "hosts": (
        "Sixty files: of each whether it exists, its mode, owner and group, and whether an account can read it. "
        "Some are not as they should be; whoever does not find the same ones stops the measurement. The container "
        "has the host's `/usr`."
    ),
    "core": (
        "The floor makes the same boots with the same configurations, the same spawns and the same commands, in "
        "the same stages with the same number of workers; it observes nothing, its probes attempt nothing, "
        "nothing is judged, written or rendered. `benchmarks/counting.py` writes down once what a real run starts, and "
        "what a case changed on its stage before each boot. What the run traces runs there without a tracer. "
        "Mounts, access lists and what a case changes under a running gateway are not done again: such a boot may "
        "end otherwise."
    ),
    "growth": (
        "A sound population of accounts and surfaces as large as asked for, without a gateway: observations come "
        "from a stage through a worker, are written, judged, rendered and verified, each size in a process of its "
        "own. A case holds at most 64 MiB of observations, about 200,000; beyond that it is inconclusive."
    ),
    "stages": "From nothing to an empty case, until nothing of its stage is left.",
    "starts": "From the start of the process to its end.",
}

STANDS: Final = {
    "attempts": (
        "The profile above: CPython makes an exception object of every denial, and the plan is a list of attempts "
        "that is parsed, where the C loop has its paths. A probe in C would have neither cost, and would have to "
        "be built for each machine where a Python is there already."
    ),
    "hosts": (
        "One `docker exec`: Wallbite makes exactly one, so that no way can be more often as fast than 300 execs "
        "take over one that does nothing. The last table says how much of Wallbite's time that is; the rest is "
        "the start of an interpreter and of two processes in it."
    ),
    "core": (
        "The profile above. What is done in stages beyond boots and spawns is the attempts themselves, root's "
        "looks before and after, the search for secrets in what was written, and the comparison of the ground "
        "between boots that share a stage; the last table says which kinds of case it is."
    ),
    "growth": (
        "Memory is most while a record is verified: all observations are there, in columns, with the index by which "
        "checks find them, and the verdicts are there and are drawn once more. Time: each observation is written "
        "once, read back once, and judged twice."
    ),
    "starts": "The interpreter and its imports: `python -X importtime -m wallbite list` says which.",
}
