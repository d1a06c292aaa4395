"""The true probe, whose lines are altered on their way out. What `ALTER` does is written in below when it is laid."""

import json
import sys

import plugin
import probe

PLAN = []
EXPECTED = {
    **dict.fromkeys(("become-uid", "become-gid", "become-groups", "raise", "acl", "chmod", "chown", "trusted"), "EPERM"),
    **dict.fromkeys(("signal", "ptrace", "vm-read", "pidfd-getfd"), "EPERM"),
    **dict.fromkeys(("own", "key-add", "stat"), "OK"),
    "key-search": "ENOKEY",
}
true_lines = probe.answer_lines


def lines(plan, carrier=None, who=None):
    """The answer as `ALTER` leaves it; digests are left out, as a forger would."""
    PLAN[:] = [plan]
    found = [json.loads(line) for line in true_lines(plan, carrier, who)]
    found[-1].pop("sha256")
    yield from ALTER(found)


def dump(lines):
    """Lines of JSON."""
    return [json.dumps(line).encode() + b"\n" for line in lines]


def other_run(found):
    """The answer to another plan."""
    found[0]["nonce"] = "0" * 24
    return dump(found)


def duplicates(found):
    """One record twice."""
    found[1]["at"].append(found[1]["at"][0])
    return dump(found)


def too_few(found):
    """The last record is missing."""
    found[-2]["at"].pop()
    return dump(found)


def not_a_number(found):
    """A size that is NaN."""
    found[1]["at"][0][2] = {"size": float("nan")}
    return dump(found)


def not_utf8(found):
    """Bytes that are no text."""
    return [b'{"at":[[0,"OK",{"name":"\xff\xfe"}]]}\n' if number == 1 else line for number, line in enumerate(dump(found))]


def huge(found):
    """Everything that the bounds allow to be seen, of each attempt."""
    for line in found[1:-1]:
        for record in line["at"][2:]:
            swept = operation_of(record[0]) == "sweep"
            record[2] = {"writable": ["/" + "x" * 240] * 300, "more": 0, "looked": 9} if swept else {"x": [{}] * 120}
    return dump(found)


def allows_all(found):
    """Every attempt was allowed."""
    return dump(answered(found, "OK", None))


def denies_all(found):
    """Every attempt was denied as walls deny."""
    return dump(answered(found, "EACCES", None))


def not_permitted(found):
    """Every attempt was denied as privileges are."""
    return dump(answered(found, "EPERM", None))


def answered(found, errno, seen):
    """One answer to everything."""
    for line in found[1:-1]:
        line["at"] = [[record[0], errno, seen] for record in line["at"]]
    return found


def denies_as_expected(found):
    """Each attempt was denied as the wall that there should be denies it, and what must be allowed was allowed."""
    for line in found[1:-1]:
        line["at"] = [[number, EXPECTED.get(operation_of(number), "EACCES"), None] for number, _, _ in line["at"]]
    return dump(found)


def operation_of(number):
    """The operation of an attempt of the plan."""
    return PLAN[0]["attempts"][number][0]


def better(found):
    """Whoever it is, it says that it has no capability, no group and no root in its ids."""
    found[0]["who"]["capabilities"] = dict.fromkeys(found[0]["who"]["capabilities"], "0")
    return dump(found)


probe.answer_lines = lines
