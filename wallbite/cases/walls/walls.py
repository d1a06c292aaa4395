"""Case ``walls``: one boot in an enforcing posture; every account reaches for every surface through its own spawn."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from wallbite.cases.backups import backups
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import (
    Errand,
    as_account,
    as_root,
    collect,
    identity_attempts,
    missing,
    spawn,
    start,
)
from wallbite.cases.walls import events, neighbours, reaching, scratch
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.installation.talk import http_request
from wallbite.postures import ENFORCING
from wallbite.probing.plan import Attempt

PSEUDO = ("/proc", "/sys")
SPAWN_REQUEST = "spawn-request"


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"walls@{posture}", "kind": "walls", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Boot, reach, let things happen, reach again, kill it; start it over links."""
    scene.lay_down()
    known = events.beside(scene)
    key = neighbours.join_keyring(scene)
    os.umask(0o022)
    gateway = scene.gateway()
    with scratch.watching(scene) as watch:
        scene.boot(gateway)
        prepare(scene, gateway)
        reaching.lay_own(scene)
        found = reaching.find(scene, scene.target.surfaces)
        everywhere = [*found, *reaching.opened(found)]
        reaching.note_states(scene, everywhere, "before")
        processes = neighbours.hold(scene, gateway)
        controls(scene, everywhere, processes)
        tours(scene, gateway, everywhere, processes, key)
        reaching.note_states(scene, everywhere, "after")
        neighbours.release()
        events.run(scene, gateway, known)
        over_links(scene, gateway, watch)


def prepare(scene: Scene, gateway: Gateway) -> None:
    """Bring about what only exists once it was asked for: a backup, a rotated log."""
    if scene.target.gateway.backup and scene.target.gateway.backup_to:
        backups.make(scene, scene.target.gateway.backup_to)
    if scene.target.gateway.rotate:
        events.rotate(scene, gateway)


def controls(scene: Scene, everywhere: Sequence[reaching.Found], processes: neighbours.Processes) -> None:
    """Before anyone else tries: root can do each operation, and each surface's owner can use it."""
    first = scene.accounts[0]
    as_root(scene, reaching.attempts(scene, everywhere, first), "before")
    for owner in dict.fromkeys(one.surface.owner for one in everywhere):
        if owner == "root" or owner not in (*scene.accounts, GATEWAY):
            continue
        own = [one for one in everywhere if one.surface.owner == owner]
        as_account(
            scene, owner, reaching.attempts(scene, own, owner, only=tuple(reaching.PRINCIPAL.values())), "before"
        )
    as_root(scene, neighbours.process_attempts(scene, processes, ""), "before")
    as_root(scene, identity_attempts(scene, first), "before")
    as_root(scene, [*api_attempts(scene, processes.job), *neighbours.planted_attempts()], "before")
    neighbours.note_control(scene)
    neighbours.note_argv(scene, processes)
    api_controls(scene, processes.job)


def tours(
    scene: Scene,
    gateway: Gateway,
    everywhere: Sequence[reaching.Found],
    processes: neighbours.Processes,
    key: neighbours.Key,
) -> None:
    """Each account, through the gateway's own drop: everything at once."""
    tops = ["/", *unlisted("/")]
    errands = [
        Errand(account, "attempt", [*tour(scene, everywhere, processes, key, account), *sweeps(scene, account, tops)])
        for account in scene.accounts
    ]
    asked = [(errand, start(scene, errand)) for errand in errands]
    for errand, begun in asked:
        if isinstance(begun, str):
            missing(scene, errand, begun)
        else:
            collect(scene, gateway, errand, *begun)


def tour(
    scene: Scene,
    everywhere: Sequence[reaching.Found],
    processes: neighbours.Processes,
    key: neighbours.Key,
    account: str,
) -> Iterator[Attempt]:
    """All that one account attempts, besides its walks."""
    yield from identity_attempts(scene, account)
    others = [one for one in everywhere if one.surface.owner != account]
    yield from reaching.attempts(scene, others, account)
    yield from neighbours.process_attempts(scene, processes, account)
    yield from neighbours.key_attempts(scene, key, processes, account)
    yield from neighbours.ipc_attempts(scene)
    yield from api_attempts(scene, processes.job)


def sweeps(scene: Scene, account: str, tops: Sequence[str]) -> Iterator[Attempt]:
    """Walks over the whole tree: from its root, and from each directory that root can list and the account cannot."""
    own = scene.ids(account)["directory"]
    for top in tops:
        yield Attempt("sweep", f"tree:{top}", path=top, arguments={"skip": list(PSEUDO), "note": {"own": own}})


def unlisted(top: str) -> list[str]:
    """Every directory below ``top`` that not everybody may list, on this mount or on others that may be written.

    What lies in one that everybody may pass through is within reach of who knows its name, and is on the list too.
    """
    found = []
    for folder, directories, files in os.walk(top):
        paths = [os.path.join(folder, name) for name in directories]
        directories[:] = [os.path.basename(path) for path in paths if not _is_left_out(path)]
        found += [path for path in paths if not _is_left_out(path) and not _mode(path) & 0o004]
        if _mode(folder) & 0o005 == 0o001:
            inside = [os.path.join(folder, name) for name in (*directories, *files)]
            found += [path for path in inside if not _is_left_out(path)]
    return list(dict.fromkeys(found))


def _mode(path: str) -> int:
    """The mode of what is there; what went away meanwhile is closed to nobody, so that nobody tries it."""
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return 0o777


def _is_left_out(path: str) -> bool:
    try:
        return path in PSEUDO or os.path.islink(path) or bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except FileNotFoundError:
        return True  # it went away meanwhile


def api_attempts(scene: Scene, job: str) -> list[Attempt]:
    """Each closed route of the loopback API, and the request that starts a plugin, without credentials."""
    return [
        Attempt("http", f"loopback:{route}", arguments={"url": url, "method": method})
        for route, method, url in routes(scene, job)
    ]


def routes(scene: Scene, job: str) -> list[tuple[str, str, str]]:
    """Name, method and address of everything that must not answer without credentials."""
    loopback, terms, expanded = scene.target.loopback, scene.target.spawn, scene.installation.expanded
    if loopback is None:
        return []
    found = [(route, "GET", loopback.url + str(expanded(route, job=job))) for route in loopback.closed]
    if terms is not None and terms.request is not None and terms.request.url:
        account = scene.accounts[0]
        values = {"account": account, "plugin": expanded(terms.plugin, account=account), "command": terms.command}
        found.append((SPAWN_REQUEST, terms.request.method, str(expanded(terms.request.url, **values))))
    return found


def api_controls(scene: Scene, job: str) -> None:
    """The same once more, with the token: it answers those who have it."""
    terms = scene.target.spawn
    if terms is None or terms.request is None:
        return
    headers, empty = scene.installation.expanded(dict(terms.request.headers)), Errand("", "empty").plan(scene)
    body = scene.installation.expanded(terms.request.body, plan=scene.write_plan("empty", empty))
    for route, method, url in routes(scene, job):
        reply = http_request(method, url, headers, body if route == SPAWN_REQUEST else None)
        scene.emit(
            "http",
            f"loopback:{route}",
            account="root",
            vantage="harness",
            step="credentials",
            errno="OK",
            seen={"status": reply.status},
        )


def over_links(scene: Scene, gateway: Gateway, watch: scratch.Watch) -> None:
    """What it made where everybody may write, and whether it follows links of these names; where it made any."""
    gateway.kill()
    watch.note_made(scene)
    watch.plant(scene)
    watch.note_planted(scene, run_over_links(scene, gateway) if watch.planted else "")
    gateway.kill()


def run_over_links(scene: Scene, gateway: Gateway) -> str:
    """A start, a job, a reload and a backup where links were planted; why it did not come up, or nothing."""
    try:
        scene.boot(gateway)
    except CaseProblem as problem:
        return str(problem)
    spawn(scene, gateway, Errand(scene.accounts[0], "over-links"))
    events.happen(scene, "reload-over-links", lambda: events.reload(scene, gateway))
    events.happen(scene, "backup-over-links", lambda: events.later_backup(scene, "over-links.tar"))
    return ""
