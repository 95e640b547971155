"""What the runner reads line by line, and how it moves."""

import json
from itertools import islice

import pytest

from runner.batches import lines_from
from runner.schedule import learning_rate
from runner.settings import JobError, refuse
from runner.training import batches_each


def test_processes_share_the_lines_in_order(tmp_path):
    path = tmp_path / "groups.jsonl"
    path.write_text("".join(f"{json.dumps([str(i)])}\n" for i in range(5)))
    take = lambda *where: [int(line[0]) for line in islice(lines_from(path, *where), 6)]  # noqa: E731
    assert take(0) == [0, 1, 2, 3, 4, 0]
    assert take(7) == [2, 3, 4, 0, 1, 2]
    assert [take(0, 2), take(1, 2)] == [[0, 2, 4, 1, 3, 0], [1, 3, 0, 2, 4, 1]]


def test_a_file_without_batches_is_said(tmp_path):
    path = tmp_path / "groups.jsonl"
    path.write_text("")
    with pytest.raises(JobError, match="holds no batches"):
        next(lines_from(path, 0))
    path.write_text('["a", "b"]\n["a\n')
    with pytest.raises(JobError, match="line 2"):
        list(islice(lines_from(path, 0), 2))


def test_the_schedule_rises_stays_and_falls():
    rates = [learning_rate(step, 1.0, warmup=4, decay_steps=8) for step in range(1, 10)]
    assert rates == [0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0, 0]
    assert learning_rate(100, 1.0, warmup=0, decay_steps=0) == 1


def test_batches_that_do_not_come_out_even_are_refused():
    assert batches_each(8, 4) == 2
    with pytest.raises(JobError, match="1 batch, which 2 processes"):
        batches_each(1, 2)


def test_what_is_not_done_is_refused_by_name():
    with pytest.raises(JobError, match="does not train for 'replug'"):
        refuse({"objective": "replug"})
    with pytest.raises(JobError, match="does not know the settings colour"):
        refuse({"objective": "revela", "colour": "blue"})
    with pytest.raises(JobError, match="mined"):
        refuse({"objective": "infoNce", "hardNegatives": "mined"})
