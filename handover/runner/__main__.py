"""python -m runner train | check | evaluate"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from . import evaluation, first_step, state
from .batches import Collator
from .models import load_models, tokenizer_of
from .objectives import Objective
from .settings import Job, JobError, read_job
from .training import Options, train

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def main() -> int:
    arguments = parser().parse_args()
    torch.set_float32_matmul_precision("highest")
    try:
        job = read_job(arguments.folder)
        {"train": run_train, "check": run_check, "evaluate": run_evaluate}[arguments.command](job, arguments)
    except JobError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m runner", description="Goes on with a run of the Revela playground.")
    commands = found.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--folder", type=Path, default=Path(), help="the unpacked archive (default: here)")
    shared.add_argument("--base", help="folder or hub id of the models' base, in place of the one in settings.json")
    shared.add_argument("--retriever", help="the retriever's, where that is another one")
    shared.add_argument("--dtype", choices=DTYPES, default="float32", help="of the base's weights (default: float32)")
    shared.add_argument("--out", type=Path, default=Path("out"), help="what training writes (default: out)")
    training = commands.add_parser("train", parents=[shared], help="check the first step, then train")
    training.add_argument("--steps", type=positive, default=None, help="updates (default: as many as there are batches for)")
    training.add_argument("--groups", type=Path, help="other batches than groups.jsonl: a list of texts a line")
    training.add_argument("--resume", action="store_true", help="go on with the run in --out, if there is one")
    training.add_argument("--skip-check", action="store_true", help="train without comparing the first step")
    training.add_argument("--save-every", type=positive, default=500, metavar="STEPS")
    training.add_argument("--evaluate-every", type=int, default=0, metavar="STEPS", help="score heldout/ so often; 0: at the ends")
    training.add_argument("--batches-per-update", type=positive, help="another number than the page's")
    commands.add_parser("check", parents=[shared], help="compare the first step with the page's, and train nothing")
    scoring = commands.add_parser("evaluate", parents=[shared], help="score the adapters in --out, or those handed over")
    scoring.add_argument("--collection", type=Path, help="a folder in BEIR's layout (default: heldout)")
    scoring.add_argument("--split", default="test")
    scoring.add_argument("--run", type=Path, help="write the rankings too, as TREC has them")
    return found


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("should be 1 or more")
    return value


def bases_of(arguments: argparse.Namespace) -> dict[str, str | None]:
    return {"retriever": arguments.retriever or arguments.base, "languageModel": arguments.base}


def run_train(job: Job, arguments: argparse.Namespace) -> None:
    train(
        job,
        Options(
            out=arguments.out,
            steps=arguments.steps or job.steps,
            groups=arguments.groups or job.folder / "groups.jsonl",
            bases=bases_of(arguments),
            dtype=DTYPES[arguments.dtype],
            resume=arguments.resume,
            check=not arguments.skip_check,
            save_every=arguments.save_every,
            evaluate_every=arguments.evaluate_every,
            batches_per_update=arguments.batches_per_update,
        ),
    )


def opened(job: Job, start: Path, arguments: argparse.Namespace) -> tuple[Objective, Collator, torch.device]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bases = bases_of(arguments)
    objective = Objective(load_models(job, start, bases, DTYPES[arguments.dtype]), job).to(device).eval()
    tokenizer = tokenizer_of(job, "retriever", bases)
    words = tokenizer_of(job, "languageModel", bases) if job.language_model else tokenizer
    return objective, Collator(job, tokenizer, words), device


def run_check(job: Job, arguments: argparse.Namespace) -> None:
    objective, collate, device = opened(job, job.folder, arguments)
    path = job.folder / "first-step.json"
    print(first_step.report(first_step.first_step(job, path, objective, collate, device, DTYPES[arguments.dtype]), job.is_exact))


def run_evaluate(job: Job, arguments: argparse.Namespace) -> None:
    last = arguments.out / "last"
    start = last if state.saved_step(last) is not None else job.folder
    objective, collate, device = opened(job, start, arguments)
    collection = evaluation.read_collection(arguments.collection or job.folder / "heldout", arguments.split)
    rankings = evaluation.rank(collection, evaluation.Embedder(job, objective, collate.rows, device))
    if arguments.run:
        with arguments.run.open("w", encoding="utf8") as file:
            ranks: dict[str, int] = {}
            for query, document, score in rankings:
                ranks[query] = ranks.get(query, 0) + 1
                file.write(f"{query} Q0 {document} {ranks[query]} {score:.9g} revela\n")
    print(json.dumps(evaluation.measured(collection, rankings)))


if __name__ == "__main__":
    sys.exit(main())
