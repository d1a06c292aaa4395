"""Calls a target that is a library: reads an order, runs one snippet after the other, says what came of each.

The order is a JSON file, ``{"search": [...], "calls": {NAME: PYTHON}, "steps": [{"call": NAME, "umask": "022",
"arguments": {...}, "after": FIFO, "times": 1}, ...]}``. A snippet reads ``order`` (its arguments) and fills ``answer``.
Each step is one line of JSON on standard output; whatever the target prints goes to standard error.
"""

import json
import os
import sys
import time
from typing import Any

SHOWN = 2000


def call(source: str, name: str, arguments: "dict[str, Any]") -> "dict[str, Any]":
    """What one snippet answered, or the error that it ended with."""
    answer = {}
    began = time.monotonic()
    said = {"call": name, "answer": answer, "error": "", "text": ""}
    try:
        exec(compile(source, name, "exec"), {"order": arguments, "answer": answer, "__name__": name})  # noqa: S102 - a descriptor's
    except BaseException as error:  # noqa: BLE001 - whatever a target raises is what is asked for
        said["error"] = type(error).__name__
        said["text"] = str(error)[:SHOWN]
    said["seconds"] = round(time.monotonic() - began, 3)
    return said


def main() -> None:
    """Do the order whose path is the first argument."""
    with open(sys.argv[1], encoding="utf-8") as file:
        order = json.load(file)
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path[:0] = order["search"]
    for step in order["steps"]:
        os.umask(int(step.get("umask", "022"), 8))
        if "after" in step:  # a FIFO: whoever opens it for writing lets all that wait for it go on together
            open(step["after"], "rb").close()
        for count in range(step.get("times", 1)):
            arguments = dict(step["arguments"], count=count)
            outcome = call(order["calls"][step["call"]], step["call"], arguments)
            if outcome["error"]:
                break
        said.write(json.dumps(outcome, default=str) + "\n")
        said.flush()


if __name__ == "__main__":
    main()
