"""From the page to PyTorch and back, on CPU: ten steps here, ten by the runner with one process, with two, and with one that is
stopped and goes on, each equal to the ten that the page makes itself.

    python handover/tests/round_trip.py FOLDER [--keep]

in a Python that has requirements.txt. FOLDER is new, or one that was made before (by this, or by the built page: npm run bench:handover);
Node and a GPU (or its software) make the run there. --keep puts what came back where tests/run/handedBack.test.ts looks at it without
Python.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "run" / "handed-back"
#: Most that a number may differ from the page's after ten steps.
TOLERANCE = 1e-4
#: Places of each ranking that are kept.
BEST = 5
#: Numbers of the machine, not of the run.
PASSED_OVER = {"stepMs", "tokensPerSecond", "memory", "flops"}


def run(*command: str, cwd: Path | None = None) -> None:
    print("$", *command, flush=True)
    subprocess.run(command, cwd=cwd, check=True, env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"})


def lines(path: Path, kind: str) -> list[dict]:
    return [line[kind] for line in map(json.loads, path.read_text().splitlines()) if kind in line]


def compare(log: Path, page: dict[int, dict], count: int) -> float:
    """The largest difference of any number of any step."""
    steps = lines(log, "step")
    assert len(steps) == count, f"{log} tells of {len(steps)} steps"
    worst = 0.0
    for told in steps:
        here = page[told["step"]]
        for key in set(told) - PASSED_OVER:
            worst = max(worst, abs(told[key] - here[key]))
    print(f"{log.parent.name}: {count} steps, every number within {worst:.1e} of the page's", flush=True)
    assert worst < TOLERANCE
    return worst


def main(folder: Path, keep: bool) -> None:
    if not (folder / "steps.json").exists():
        run("node", str(ROOT / "scripts" / "run.mjs"), str(ROOT / "tests" / "run" / "makeJob.ts"), str(folder))
    found = json.loads((folder / "steps.json").read_text())
    page = {one["step"]: one for one in found["page"]}
    job, base = folder / "job", ("--base", "../checkpoint")

    def train(out: str, *arguments: str) -> None:
        if "--resume" not in arguments:
            shutil.rmtree(folder / out, ignore_errors=True)
        run("bash", "train.sh", *arguments, *base, "--out", f"../{out}", cwd=job)

    train("one", "one")
    compare(folder / "one" / "log.jsonl", page, found["more"])
    train("two", "ddp", "2")
    compare(folder / "two" / "log.jsonl", page, found["more"])
    train("resumed", "one", "--steps", "4")
    train("resumed", "one", "--resume")
    compare(folder / "resumed" / "log.jsonl", page, found["more"])
    run(sys.executable, "-m", "runner", "evaluate", *base, "--out", "../one", "--run", "../one/rankings.trec", cwd=job)
    if keep:
        shutil.rmtree(KEPT, ignore_errors=True)
        (KEPT / "last").mkdir(parents=True)
        for name in ("retriever", "language-model", "gates.json"):
            where = folder / "one" / "last" / name
            (shutil.copytree if where.is_dir() else shutil.copy)(where, KEPT / "last" / name)
        shutil.copy(folder / "one" / "log.jsonl", KEPT)
        best = [line for line in (folder / "one" / "rankings.trec").read_text().splitlines() if int(line.split()[3]) <= BEST]
        (KEPT / "rankings.trec").write_text("".join(f"{line}\n" for line in best))
        shutil.copytree(job / "heldout", KEPT / "heldout")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), "--keep" in sys.argv)
