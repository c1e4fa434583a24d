"""A program that answers cases by schedbench itself, in the engine that explains."""

from __future__ import annotations

import json
import sys

from schedbench.experiment.conformance.cases import decode_case
from schedbench.experiment.conformance.drive import attempts


def main() -> None:
    """Answer each line of the standard input."""
    for line in sys.stdin:
        document = json.loads(line)["case"]
        case = decode_case(document, [{}] * len(document["pending"]))
        decisions = [each.decision for each in attempts(case, "explain")]
        answer = {"id": document["id"], "expected": decisions}
        if document.get("sampling"):
            answer["order"] = list(range(len(document["nodes"])))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
