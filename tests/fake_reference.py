"""A program that answers recorded cases with what was recorded, or misbehaves.

    python fake_reference.py RECORDED.jsonl[.gz] [MODE [CASE]]

MODE is what it does when asked for CASE: `differ`, `crash`, `hang`, `garbage`, `other`
(answers another case), `short` (leaves a pod out), `error`; without one it does well.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]


def main(recorded: str, mode: str = "", marked: str = "") -> None:
    """Answer each line of the standard input."""
    data = Path(recorded).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    records = {
        record["case"]["id"]: record for record in map(json.loads, data.splitlines())
    }
    for line in sys.stdin:
        case = json.loads(line)["case"]
        record = records[case["id"]]
        answer = {"id": case["id"], "expected": record["expected"]}
        if "order" in record:
            answer["order"] = record["order"]
        if case["id"] == marked or marked == "*":
            answer = MODES[mode](answer)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _differ(answer: Document) -> Document:
    for decision in answer["expected"]:
        decision["chosen"] = "nowhere"
    return answer


def _crash(answer: Document) -> Document:
    sys.exit(f"no idea what to do with {answer['id']}")


def _hang(answer: Document) -> Document:
    time.sleep(600)
    return answer


def _garbage(answer: Document) -> Document:
    sys.stdout.write("goroutine 1 [running]:\n")
    return answer


def _other(answer: Document) -> Document:
    return answer | {"id": "another"}


def _short(answer: Document) -> Document:
    return answer | {"expected": answer["expected"][1:]}


def _error(answer: Document) -> Document:
    return {"id": answer["id"], "error": "it is not a case"}


MODES: dict[str, Callable[[Document], Document]] = {
    "differ": _differ,
    "crash": _crash,
    "hang": _hang,
    "garbage": _garbage,
    "other": _other,
    "short": _short,
    "error": _error,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
