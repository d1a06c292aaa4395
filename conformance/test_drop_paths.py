"""DROP: every way to a spawn ends in the same drop, and a drop that fails ends in no spawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.postures import ENFORCING
from wallbite.verdict import Verdict

JudgeJob = Callable[[Bench, Observation, dict[str, str]], Verdict]

DROP_STEPS = ("uid", "gid", "groups")
BECOME = ("become-uid", "become-gid", "become-groups", "raise")
START_ERRORS = ("missing-interpreter", "exec-format", "unreadable-cwd")


def foreign(who: dict[str, Any]) -> str:
    """How an identity is not wholly its account's: uids, gids, groups or capabilities; or nothing."""
    uid, gid = who["expected"]["uid"], who["expected"]["gid"]
    held = any(int(who["capabilities"][name], 16) for name in ("permitted", "effective", "inheritable", "ambient"))
    if {*who["uids"], who["file_uid"]} != {uid}:
        return f"uids are {who['uids']} (its file's is {who['file_uid']}), expected {uid}"
    if set(who["gids"]) != {gid}:
        return f"gids are {who['gids']}, expected {gid}"
    if set(who["groups"]) - {gid}:
        return f"groups are {who['groups']}, expected {gid} alone"
    return "capability sets are not empty" if held else ""


@check("DROP-11.1", needs=("drop-fails",))
def never_runs_when_the_drop_fails(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for step in DROP_STEPS:
            yield after(bench, posture, step, f"{step} refused by the kernel", refused_job)
        yield after(bench, posture, "no-new-privs", "no_new_privs refused by the kernel", unprivileged_job)


@check("DROP-11.2", needs=("drop-fails",))
def a_drop_is_read_back(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for step in DROP_STEPS:
            yield after(bench, posture, f"silent-{step}", f"{step} left as it is, and said to be changed", silent_job)


def after(bench: Bench, posture: str, step: str, surface: str, judge: JudgeJob) -> Verdict:
    """The verdict on the job of a gateway whose drop cannot do one step."""
    scope = {"posture": posture, "surface": surface}
    job = bench.facts.first(posture, "job", object=f"drop-fails/{step}")
    return judge(bench, job, scope) if job else bench.unobserved(**scope)


def silent_job(bench: Bench, job: Observation, scope: dict[str, str]) -> Verdict:
    """The verdict on a job whose drop did less than it was told."""
    seen = job.seen
    if seen["answers"]:
        return bench.failed(f"it ran all the same, {seen['answers']} times", [job], **scope)
    if not seen["accepted"]:
        return bench.undecided(f"what came of the job is not told: {seen['error']}", [job], **scope)
    control = bench.facts.first(job.posture, "drop-control", object=job.object, errno=OK)
    return bench.passed("it did not run", [job], control, **scope)


def unprivileged_job(bench: Bench, job: Observation, scope: dict[str, str]) -> Verdict:
    """The verdict on a job whose process could not be kept from new privileges; one that had none before may run."""
    seen = job.seen
    if seen["privileged"]:
        return bench.failed("it ran all the same, and a setuid program would give it privileges", [job], **scope)
    if not seen["accepted"] or seen["unread"]:
        why = f"an answer is not understood: {seen['unread'][0]}" if seen["unread"] else seen["error"]
        return bench.undecided(f"what came of the job is not told: {why}", [job], **scope)
    control = bench.facts.first(job.posture, "drop-control", object=job.object, errno=OK)
    how = "it ran without, and can gain none" if seen["answers"] else "it did not run"
    return bench.passed(how, [job], control, **scope)


def refused_job(bench: Bench, job: Observation, scope: dict[str, str]) -> Verdict:
    """The verdict on a job whose drop could not succeed."""
    seen = job.seen
    if seen["answers"]:
        return bench.failed(f"it ran all the same, {seen['answers']} times", [job], **scope)
    if not seen["accepted"] or not isinstance(seen["attempts"], int):
        return bench.undecided(
            f"what came of the job is not told: {seen['error'] or 'no number of attempts'}", [job], **scope
        )
    if seen["attempts"] != 1:
        return bench.failed(f"{seen['attempts']} attempts, expected exactly one", [job], **scope)
    named = bench.facts.setting.declared["refusals"]["drop"]
    if not named:
        return bench.undecided("the descriptor does not say how a failed drop is told", [job], **scope)
    if seen["error"] != named:
        return bench.failed(f"the job's error is {seen['error']!r}, not the one of a failed drop", [job], **scope)
    if not seen["event"]:
        return bench.failed("no event tells of the failed drop", [job], **scope)
    control = bench.facts.first(job.posture, "drop-control", object=job.object, errno=OK)
    return bench.passed(
        "it did not run; one attempt; refused as a failed drop; an event tells it", [job], control, **scope
    )


@check("DROP-12", needs=("drop-fails",))
def tells_a_failed_drop_from_other_errors(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        drops = [job for step in DROP_STEPS if (job := bench.facts.first(posture, "job", object=f"drop-fails/{step}"))]
        for name in START_ERRORS:
            scope = {"posture": posture, "surface": name}
            job = bench.facts.first(posture, "job", object=f"start-error/{name}")
            whole = job is not None and len(drops) == len(DROP_STEPS)
            yield told_apart(bench, job, drops, scope) if job and whole else bench.unobserved(**scope)


def told_apart(bench: Bench, job: Observation, drops: list[Observation], scope: dict[str, str]) -> Verdict:
    """The verdict on one other start error: it must not look like a failed drop."""
    untold = [one for one in (job, *drops) if not one.seen["accepted"]]
    if untold:
        return bench.undecided(f"a job was not taken: {untold[0].seen['error']}", untold, **scope)
    told = [drop for drop in drops if drop.seen["error"]]
    if not told:
        return bench.failed("a failed drop is not reported at all", drops, **scope)
    same = [drop for drop in told if drop.seen["error"] == job.seen["error"]]
    if same:
        return bench.failed(f"its error {job.seen['error']!r} is also that of a failed drop", [job, *same], **scope)
    if job.seen["status"] != "failed" or not job.seen["error"]:
        return bench.undecided(f"the job ended {job.seen['status']!r} without an error class", [job], **scope)
    named = bench.facts.setting.declared["refusals"]["other"].get(scope["surface"], "")
    if named and named != job.seen["error"]:
        return bench.failed(f"its error is {job.seen['error']!r}, the descriptor says {named!r}", [job], **scope)
    return bench.passed(
        f"its error is {job.seen['error']!r}, a failed drop's {told[0].seen['error']!r}", [job], told[0], **scope
    )


@check("DROP-13", needs=("spawns",))
def drops_on_every_path(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for account in bench.accounts:
            for path in bench.facts.setting.paths:
                yield path_verdict(bench, posture, account, path)


def path_verdict(bench: Bench, posture: str, account: str, path: str) -> Verdict:
    """The verdict on one account and one spawn path."""
    scope = {"posture": posture, "account": account, "surface": path}
    seen = bench.facts.find(posture, "identity", account=account, step=path, vantage="spawned")
    if not seen:
        return bench.unobserved(**scope)
    bad = [(one, text) for one in seen if (text := foreign(dict(one.seen)))]
    if bad:
        return bench.failed(f"path {path}: {bad[0][1]}", [one for one, _ in bad], **scope)
    tries = bench.facts.find(posture, BECOME, account=account, step=path, vantage="spawned")
    if became := [one for one in tries if one.errno == OK]:
        return bench.failed(f"path {path}: {became[0].operation} {became[0].object} succeeded", became, **scope)
    if {one.operation for one in tries if one.errno == "EPERM"} != set(BECOME):
        return bench.undecided(
            f"path {path}: not every way to be somebody else was tried and refused", [*seen, *tries], **scope
        )
    return bench.passed(
        f"path {path}: identity is its account's",
        seen,
        bench.facts.first(posture, "posture", kind=seen[0].kind),
        **scope,
    )


@check("DROP-14", needs=("spawns", "no-default"))
def lands_on_default_or_is_refused(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        if "default" in bench.accounts:
            yield on_default(bench, posture)
        yield without_default(bench, posture)


def on_default(bench: Bench, posture: str) -> Verdict:
    """The verdict on a plugin without a grant where ``default`` exists."""
    scope = {"posture": posture, "account": "default", "surface": "without a grant"}
    seen = bench.facts.find(posture, "identity", step="ungranted")
    if not seen:
        return bench.unobserved(**scope)
    bad = [(one, text) for one in seen if (text := foreign(dict(one.seen)))]
    if bad:
        return bench.failed(f"without a grant: {bad[0][1]}", [one for one, _ in bad], **scope)
    control = bench.facts.first(posture, "identity", account="alpha") or bench.facts.first(posture, "posture")
    return bench.passed("without a grant it ran as default", seen, control, **scope)


def without_default(bench: Bench, posture: str) -> Verdict:
    """The verdict on a plugin without a grant where there is no ``default``."""
    scope = {"posture": posture, "surface": "without a grant, without default"}
    job = bench.facts.first(posture, "job", object="ungranted")
    if not job:
        return bench.unobserved(**scope)
    if wrong := ran_or_misnamed(bench, job.seen):
        return bench.failed(wrong, [job], **scope)
    if job.seen["accepted"] and job.seen["status"] != "failed":
        return bench.undecided(f"it did not run and was not refused: status {job.seen['status']!r}", [job], **scope)
    error, named = str(job.seen["error"]), bench.facts.setting.declared["refusals"]["ungranted"]
    if not job.seen["accepted"] and not (named and named in error):
        return bench.undecided(f"the request was not taken, for another reason perhaps: {error}", [job], **scope)
    control = bench.facts.first(posture, "identity", kind="no-default", step="granted")
    return bench.passed(f"refused: {error!r}", [job], control, **scope)


def ran_or_misnamed(bench: Bench, seen: Mapping[str, Any]) -> str:
    """How a plugin that must be refused was not: it ran, was tried again, or failed for another reason; or nothing."""
    named = bench.facts.setting.declared["refusals"]["ungranted"]
    if seen["answers"]:
        return f"it ran, as uid {seen['ran_as']}"
    if not seen["accepted"] or seen["status"] != "failed":
        return ""
    if named and seen["error"] != named:
        return f"its error is {seen['error']!r}, the descriptor says {named!r}"
    more = isinstance(seen["attempts"], int) and seen["attempts"] > 1
    return f"{seen['attempts']} attempts, expected exactly one" if more else ""


@check("DROP-15", needs=("storm",))
def keeps_identities_apart_in_a_storm(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        jobs = bench.facts.find(posture, "storm-job")
        for account in bench.accounts:
            yield storm_verdict(bench, posture, account, [job for job in jobs if job.account == account], len(jobs))


def storm_verdict(bench: Bench, posture: str, account: str, jobs: list[Observation], total: int) -> Verdict:
    """The verdict on one account's share of the interleaved jobs."""
    scope = {"posture": posture, "account": account}
    asked = bench.facts.setting.declared["storm"]
    share = len(range(list(bench.accounts).index(account), asked, len(bench.accounts)))
    if not jobs or total < asked:
        return bench.undecided(
            f"{total} of {asked} jobs answered; {bench.facts.trouble(posture, bench.kinds)}", jobs, **scope
        )
    bad = [(one, text) for one in jobs if (text := mixed_up(dict(one.seen)))]
    if bad:
        return bench.failed(f"{len(bad)} of {len(jobs)} jobs: {bad[0][1]}", [one for one, _ in bad], **scope)
    if len(jobs) != share or len({one.seen["job"] for one in jobs}) != share:
        return bench.failed(f"{len(jobs)} jobs had its configuration, {share} were asked for it", jobs, **scope)
    control = bench.facts.first(posture, "posture", kind="storm")
    return bench.passed(f"{len(jobs)} jobs of {total} interleaved, each with its own identity", jobs, control, **scope)


def mixed_up(seen: dict[str, Any]) -> str:
    """What of another account's a job of the storm has; or nothing."""
    if text := foreign(seen):
        return text
    if seen["cwd"] != seen["expected"]["directory"]:
        return f"its directory is {seen['cwd']}, expected {seen['expected']['directory']}"
    return f"HOME is {seen['home']}" if seen["home"] not in ("", seen["expected"]["directory"]) else ""


@check("DROP-16", needs=("spawns",), reads=("walls", "matrix", "drawn", "storm"))
def never_is_root_or_the_gateway(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        if posture in ENFORCING:
            yield invariant(bench, posture)


def invariant(bench: Bench, posture: str) -> Verdict:
    """The verdict over every identity that an enforcing gateway gave in this run."""
    scope = {"posture": posture}
    seen = [*bench.facts.find(posture, ("identity", "storm-job"), vantage="spawned")]
    cells = [
        one
        for one in bench.facts.find(posture, ("cell", "drawn"))
        if one.seen["expected"] == "enforce" and one.seen["witness"]
    ]
    if not seen and not cells:
        return bench.unobserved(**scope)
    bad = [one for one in seen if privileged(one.seen["uids"], one.seen["gids"], one.seen["gateway"])]
    bad += [
        one
        for one in cells
        if any(privileged(who["uids"], who["gids"], one.seen["gateway"]) for who in one.seen["witness"])
    ]
    if bad:
        return bench.failed(
            f"{len(bad)} of {len(seen) + len(cells)} identities are root's or the gateway's", bad, **scope
        )
    control = bench.facts.first(posture, "posture")
    return bench.passed(
        f"none of {len(seen) + len(cells)} identities is root's or the gateway's", [*seen, *cells], control, **scope
    )


def privileged(uids: list[int], gids: list[int], gateway: dict[str, int]) -> bool:
    """Whether any of the ids is 0 or the gateway's own."""
    return bool({0, gateway["uid"]} & set(uids) or {0, gateway["gid"]} & set(gids))
