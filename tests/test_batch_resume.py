# SPDX-License-Identifier: Apache-2.0
"""`moclip generate --batch` killed, on a full disk, and twice at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkout import PYTHONPATH, ROOT

from moclip_backend.batch.ledger import NAME
from moclip_backend.batch.run import AT_ONCE

RUN = """
import os, sys, time
from serve_slow_engine import SlowEngine
from moclip_backend import cli
from moclip_backend.commands import generate

NOTED = sys.argv[1]


class Noted(SlowEngine):
    def generate(self, requests, *, progress=None, cancelled=None):
        with open(NOTED, "a") as file:
            file.write("".join(f"{os.getpid()}\\t{request.text}\\n" for request in requests))
        if any(request.text.startswith("die") for request in requests):
            os._exit(1)
        return super().generate(requests, progress=progress, cancelled=lambda: False)

generate._load = lambda *_: Noted(SECONDS)
sys.argv = ["moclip", *sys.argv[2:]]
sys.exit(cli.main())
"""


class Batch:
    def __init__(self, folder: Path, count: int, seconds: float):
        self.folder, self.out, self.seconds, self.noted = folder, folder / "out", seconds, folder / "noted"
        self.options: tuple[str, ...] = ()
        lines = [{"id": f"m{k}", "text": f"walk {k}", "seconds": 1.0, "seed": k} for k in range(count)]
        (folder / "batch.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def start(self, out: Path | None = None, **popen) -> subprocess.Popen:
        program = RUN.replace("SECONDS", str(self.seconds))
        command = [
            sys.executable,
            "-c",
            program,
            str(self.noted),
            "generate",
            "--batch",
            str(self.folder / "batch.jsonl"),
        ]
        path = os.pathsep.join((PYTHONPATH, str(ROOT / "tests")))  # of all processes that it may start
        environment = {**os.environ, "PYTHONPATH": path, "MOCLIP_STATE": str(self.folder / "state")}
        return subprocess.Popen(
            [*command, *self.options, "--out", str(out or self.out)], env=environment, cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen,
        )  # fmt: skip

    def run(self, **options) -> tuple[int, str, str]:
        process = self.start(**options)
        out, err = process.communicate(timeout=400)
        return process.returncode, out, err

    def done(self) -> list[str]:
        """The prompts that an engine was given, in turn."""
        return [line.partition("\t")[2] for line in self._lines()]

    def pids(self) -> list[int]:
        """Whose engine it was."""
        return [int(line.partition("\t")[0]) for line in self._lines()]

    def _lines(self) -> list[str]:
        return self.noted.read_text().splitlines() if self.noted.exists() else []


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def wait_until(condition, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_batch_that_was_killed_goes_on_and_gives_the_files_of_an_unbroken_run(tmp_path):
    count = 5 * AT_ONCE + 3
    batch = Batch(tmp_path, count, 0.4)
    process = batch.start()
    wait_until(lambda: (batch.out / f"m{2 * AT_ONCE}.npz").exists())
    process.kill()
    process.communicate()
    finished = {path.stem for path in batch.out.glob("m*.npz")}
    (batch.out / ".m7-abcd_123.npz").write_bytes(b"half")  # as a kill in the middle of a file leaves it
    before = {name: (batch.out / f"{name}.npz").stat().st_mtime_ns for name in finished}
    asked_before = len(batch.done())
    code, out, err = batch.run()
    assert code == 0 and err.endswith(f"{count} of {count} motions written to {batch.out}.\n")
    # A set of prompts that were half written is sampled as a whole, so that its files come out the same. The kill may
    # fall between a file and the note that it is finished: then that file's set is sampled, too.
    again = batch.done()[asked_before:]
    sets_left = -(-count // AT_ONCE) - (len(finished) - 1) // AT_ONCE
    assert len(again) <= sets_left * AT_ONCE and "walk 0" not in again
    assert sum((batch.out / f"{name}.npz").stat().st_mtime_ns != when for name, when in before.items()) <= 1
    assert batch.run(out=tmp_path / "whole")[0] == 0
    assert files(batch.out) == files(tmp_path / "whole") and len(files(batch.out)) == count


def test_a_thousand_prompts_survive_a_kill_half_way(tmp_path):
    batch = Batch(tmp_path, 1000, 0.0)
    process = batch.start()
    wait_until(lambda: (batch.out / "m499.npz").exists(), 300.0)
    process.kill()
    process.communicate()
    finished = {path.name: path.stat().st_mtime_ns for path in batch.out.glob("m*.npz")}
    assert 500 <= len(finished) < 1000
    asked = len(batch.done())
    code, _, err = batch.run()
    assert code == 0 and err == f"1000 of 1000 motions written to {batch.out}.\n"
    # Sets are sampled as a whole; at the most one is sampled again, that was at work or lacked its last note.
    assert len(batch.done()) - asked <= 1000 - (len(finished) - 1) // AT_ONCE * AT_ONCE
    touched = [name for name, when in finished.items() if (batch.out / name).stat().st_mtime_ns != when]
    assert len(touched) <= 1, "the kill may fall between a file and the note that it is finished"
    assert batch.run(out=tmp_path / "whole")[0] == 0
    assert files(batch.out) == files(tmp_path / "whole") and len(files(batch.out)) == 1000


def test_only_the_same_line_counts_as_finished(tmp_path):
    batch = Batch(tmp_path, 2 * AT_ONCE, 0.4)
    process = batch.start()
    wait_until(lambda: (batch.out / f"m{AT_ONCE - 1}.npz").exists())
    process.kill()
    process.communicate()
    lines = (tmp_path / "batch.jsonl").read_text().replace('"walk 0"', '"bow 0"')
    (tmp_path / "batch.jsonl").write_text(lines)
    (batch.out / "m1.npz").write_bytes(b"damaged meanwhile")
    assert batch.run()[0] == 0
    whole = tmp_path / "whole"
    assert batch.run(out=whole)[0] == 0 and files(batch.out) == files(whole)


def test_a_finished_batch_is_done_again_when_asked_for_again(tmp_path):
    batch = Batch(tmp_path, 2, 0.0)
    assert batch.run()[0] == batch.run()[0] == 0
    assert len(batch.done()) == 4 and not (batch.out / NAME).exists()


def test_two_batches_do_not_write_to_one_folder(tmp_path):
    batch = Batch(tmp_path, 40, 60.0)  # however slowly the second one starts, the first is at work still
    first = batch.start()
    wait_until(lambda: (batch.out / NAME).exists())
    code, _, err = batch.run()
    assert code == 1 and err.startswith("error: Another batch is being written to ") and len(err.splitlines()) == 1
    first.kill()
    first.communicate()


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="limits of files")
def test_a_full_disk_is_one_sentence_a_line_and_the_rest_is_done_later(tmp_path):
    import resource

    batch = Batch(tmp_path, 3, 0.0)

    def limit() -> None:
        # As on a full disk, a write fails, and the program goes on.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    code, out, err = batch.run(preexec_fn=limit)
    lines = err.splitlines()
    assert code == 1 and len(lines) == 4 and "Traceback" not in err and lines[-1].startswith("0 of 3 motions")
    assert all(line.startswith("error: line ") and "Free some space" in line for line in lines[:3])
    assert set(files(batch.out)) <= {NAME}
    assert batch.run()[0] == 0 and set(files(batch.out)) == {"m0.npz", "m1.npz", "m2.npz"}
