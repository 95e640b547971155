"""log.jsonl: what a run is and what its steps were, an object a line. The page's run library reads it as it is."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

FORMAT = "revela log 1"


class Log:
    """Appends lines; of a run that goes on, the steps that it will make again are taken out first."""

    def __init__(self, path: Path, head: dict[str, Any], step: int):
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf8").splitlines() if path.exists() else []
        kept = [line for line in lines[1:] if _step_of(line) <= step]
        path.write_text("".join(f"{line}\n" for line in [json.dumps({"format": FORMAT, **head}), *kept]), encoding="utf8")
        self.path = path

    def write(self, kind: str, values: dict[str, Any]) -> None:
        """`kind`: step, snapshot or scores."""
        with self.path.open("a", encoding="utf8") as file:
            file.write(json.dumps({kind: _finite(values)}) + "\n")


def _step_of(line: str) -> float:
    """The step that a line is of; a line that was cut off in writing is of none."""
    try:
        (values,) = json.loads(line).values()
    except (json.JSONDecodeError, ValueError, AttributeError):
        return math.inf
    return values.get("metrics", values)["step"]


def _finite(value: Any) -> Any:
    """JSON has no NaN: such numbers are left out."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items() if not (isinstance(one, float) and not math.isfinite(one))}
    return value
