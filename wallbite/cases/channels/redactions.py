"""Case ``redaction``: a checkpoint of a conversation with secrets of many shapes in every part of it."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator, Sequence
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, call, lay_library, own_directory
from wallbite.cases.channels.products import read
from wallbite.cases.scene import CaseProblem, Scene

PROSE: Final = "The quarterly numbers of the northern branch look sound."
_ALPHABET: Final = string.ascii_letters + string.digits
# A secret's shape: {N} is N random letters and digits, {uN} upper case and digits, {hN} hexadecimal.
SHAPES: Final = {
    "openai": "sk-proj-{48}", "anthropic": "sk-ant-api03-{60}", "github": "ghp_{36}", "github-fine": "github_pat_{60}",
    "gitlab": "glpat-{20}", "slack": "xoxb-{12}-{24}", "aws-id": "AKIA{u16}", "google": "AIza{35}",
    "google-oauth": "ya29.{60}", "stripe": "sk_live_{24}", "npm": "npm_{36}", "pypi": "pypi-{60}", "hugging": "hf_{34}",
    "sendgrid": "SG.{22}.{43}", "bearer": "Authorization: Bearer {40}", "basic": "Authorization: Basic {40}",
    "url": "postgres://admin:{24}@db.internal/prod", "assigned": "password={24}", "jwt": "jwt", "pem": "pem",
}  # fmt: skip
PARTS: Final = ("tool-body", "tool-parts", "call-arguments")
TALK: Final = ("assistant", "user")


def plan(postures: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """One case for each posture."""
    for posture in postures:
        yield {"case": f"redaction@{posture}", "kind": "redaction", "posture": posture, "params": {"seed": seed}}


def run(scene: Scene) -> None:
    """One checkpoint; then each canary is searched in it."""
    lay_library(scene)
    base = own_directory(scene, f"{HOME}/redaction", 0o755)
    drawn = random.Random(scene.params["seed"])  # noqa: S311 - canaries, not keys
    canaries = {part: {name: shaped(drawn, name) for name in SHAPES} for part in (*PARTS, *TALK)}
    arguments = {"directory": f"{base}/inner", "name": "probe", "messages": conversation(canaries)}
    called = call(scene, [{"call": "conversation", "arguments": arguments}])
    outcome = called.outcomes[0] if called.outcomes else None
    if outcome is None or outcome.error:
        why = f"{outcome.error}: {outcome.text}" if outcome else called.problem
        raise CaseProblem(f"no checkpoint was written: {why}")
    try:
        text = read(str(outcome.answer.get("path", ""))).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise CaseProblem(f"the checkpoint cannot be read: {error}") from error
    kept = {part: sorted(name for name, one in shapes.items() if one[1] in text) for part, shapes in canaries.items()}
    scene.note("redaction", "checkpoint", kept=kept, prose=text.count(PROSE), shapes=sorted(SHAPES), size=len(text))


def conversation(canaries: dict[str, dict[str, tuple[str, str]]]) -> list[dict[str, Any]]:
    """What was said: prose by everybody, and a canary of each shape in each part."""
    lines = {part: "\n".join(text for text, _ in shapes.values()) for part, shapes in canaries.items()}
    function = {"name": "lookup", "arguments": json.dumps({"query": lines["call-arguments"].replace("\n", " ")})}
    return [
        {"role": "user", "content": f"{PROSE}\n{lines['user']}"},
        {"role": "assistant", "content": f"{PROSE}\n{lines['assistant']}"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c1", "content": lines["tool-body"]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": lines["tool-parts"]}]},
    ]


def shaped(drawn: random.Random, name: str) -> tuple[str, str]:
    """A text of that shape, and the part of it that must not be found: its random core."""
    if name == "jwt":
        parts = [
            base64.urlsafe_b64encode(json.dumps({key: core(drawn, 24)}).encode()).decode().rstrip("=")
            for key in ("alg", "sub")
        ]
        signature = core(drawn, 43)
        return f"{parts[0]}.{parts[1]}.{signature}", signature
    if name == "pem":
        body = core(drawn, 60)
        return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----", body
    text, last = "", ""
    for number, piece in enumerate(SHAPES[name].replace("}", "{").split("{")):
        if number % 2 == 0:
            text += piece
            continue
        last = core(drawn, int(piece.lstrip("u")), upper=piece.startswith("u"))
        text += last
    return text, last


def core(drawn: random.Random, length: int, *, upper: bool = False) -> str:
    """Random letters and digits."""
    alphabet = string.ascii_uppercase + string.digits if upper else _ALPHABET
    return "".join(drawn.choice(alphabet) for _ in range(length))
