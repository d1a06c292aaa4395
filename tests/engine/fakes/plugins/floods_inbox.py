"""Leaves a gigabyte in the inbox under the name of its answer, or as much as there is room for."""

import json
import os
import sys

with open(json.load(sys.stdin)["payload"]["plan"], encoding="utf-8") as file:
    plan = json.load(file)
whole = os.path.join(plan["inbox"], f"{plan['nonce']}.{os.getpid()}")
with open(whole + ".part", "wb", buffering=0) as file:
    try:
        file.writelines(b"x" * (1 << 20) for _ in range(1024))
    except OSError:
        file.truncate(64 << 20)  # there must be room for the next one
os.rename(whole + ".part", whole)
