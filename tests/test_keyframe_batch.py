# SPDX-License-Identifier: Apache-2.0
"""`moclip keyframe --batch`: many scenes. Blender's part is made up here; `tests/blender` has the real one."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moclip.errors import MoclipError
from moclip_backend.batch.ledger import NAME
from moclip_backend.blender import keying, launch
from moclip_backend.blender.launch import Blender

SCENE = b"BLENDER made up"


class Studio:
    """In the place of Blender: notes what it is given, and writes a file for it."""

    def __init__(self):
        self.keyed: list[str] = []
        self.fail: dict[str, BaseException] = {}

    def run(self, blender, script, task, env, hear):
        name = Path(task["out"]).name
        self.keyed.append(name)
        if name in self.fail:
            raise self.fail[name]
        for row in task["rows"]:
            hear({"row": row["row"], "ok": row["prompt"] != "stumble", "message": row["prompt"]})
        Path(task["out"]).write_bytes(Path(task["scene"]).read_bytes() + json.dumps(task["rows"]).encode())


@pytest.fixture
def studio(monkeypatch):
    made = Studio()
    monkeypatch.setattr(keying, "run_script", made.run)
    monkeypatch.setattr(keying, "find_blender", lambda path: Blender("made up", ("true",), "3.11"))
    monkeypatch.setattr(keying, "addon_zip", lambda blender: Path("addon.zip"))
    return made


def test_workers_that_start_together_build_the_addon_once(monkeypatch, tmp_path):
    """Each on its own would remove what the other is building."""
    at_work, built = [], []

    class Builder:
        BuildError = RuntimeError
        cache_folder = staticmethod(lambda: tmp_path / "cache")
        current_platform = staticmethod(lambda: "linux-x64")

        @staticmethod
        def build(out, platform_name, pythons):
            at_work.append(out)
            assert len(at_work) == 1
            time.sleep(0.3)
            out.mkdir(parents=True)
            (out / "moclip.zip").write_bytes(b"zip")
            built.append(at_work.pop())
            return out / "moclip.zip"

    monkeypatch.setattr(launch, "_builder", lambda: Builder)
    blender = Blender("made up", ("true",), "3.11")
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(launch.addon_zip, [blender] * 3))
    assert len(built) == 1 and set(found) == {built[0] / "moclip.zip"}


@pytest.fixture
def listed(tmp_path):
    """A list of scenes in a folder of its own, which names them from there."""
    (tmp_path / "list").mkdir()

    def write(*lines: dict | str) -> Path:
        for line in lines:
            if isinstance(line, dict):
                (tmp_path / "list" / line["scene"]).write_bytes(SCENE + line["scene"].encode())
                table = tmp_path / "list" / line["prompts"]
                if not table.exists():
                    table.write_text("armature,prompt\n,a person walks\n,a person bows\n")
        path = tmp_path / "list" / "scenes.jsonl"
        path.write_text("".join((json.dumps(line) if isinstance(line, dict) else line) + "\n" for line in lines))
        return path

    return write


def line(name: str, **more: str) -> dict:
    return {"scene": f"{name}.blend", "prompts": f"{name}.csv", **more}


def test_every_scene_is_keyed_into_the_folder(moclip, studio, listed, tmp_path):
    file = listed(line("a"), line("b", out="other.blend"))
    code, out, err = moclip("keyframe", "--batch", str(file), "--out", "done")
    assert code == 0 and studio.keyed == ["a.blend", "other.blend"]
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["a.blend", "other.blend"]
    assert out.splitlines() == ["done/a.blend: 2 of 2 rows keyed", "done/other.blend: 2 of 2 rows keyed"]
    assert err == "2 of 2 scenes written to done.\n"


def test_bad_lines_cost_themselves_alone_and_are_named(moclip, studio, listed, tmp_path):
    bad = [
        "nonsense", "[1]", '{"scene": "a.blend"}', '{"scene": "a.blend", "prompts": "a.csv", "frames": "1"}',
        '{"scene": "a.blend", "prompts": "a.csv", "out": "../a.blend"}', '{"scene": "none.blend", "prompts": "a.csv"}',
        '{"scene": "A.blend", "prompts": "a.csv"}',
    ]  # fmt: skip
    file = listed(line("a"), *bad)
    code, out, err = moclip("keyframe", "--batch", str(file), "--out", "done")
    lines = err.splitlines()
    assert code == 1 and studio.keyed == ["a.blend"] and lines[-1] == "1 of 8 scenes written to done."
    assert {text.split(":")[1] for text in lines[:-1]} == {f" line {number}" for number in range(2, 9)}


def test_a_row_that_fails_is_told_with_its_line(moclip, studio, listed, tmp_path):
    file = listed(line("a"), line("b"))
    (tmp_path / "list" / "b.csv").write_text("armature,prompt\n,stumble\n,a person bows\n,\n")
    code, out, err = moclip("keyframe", "--batch", str(file), "--out", "done")
    assert code == 1 and "done/b.blend: 1 of 3 rows keyed" in out
    told = err.splitlines()
    assert told[0].startswith("line 2: row 3: failed: ") and told[1] == "line 2: row 1: failed: stumble"


def test_one_scene_says_what_was_written(moclip, studio, listed, tmp_path):
    listed(line("a"))
    (tmp_path / "list" / "a.csv").write_text("armature,prompt\n,stumble\n,\n")
    code, out, _ = moclip("keyframe", "list/a.blend", "list/a.csv", "--out", "b.blend")
    assert code == 1 and out.splitlines()[-1] == "0 of 2 rows keyed, written to b.blend"
    (tmp_path / "list" / "a.csv").write_text("armature,prompt\n,\n")
    code, out, _ = moclip("keyframe", "list/a.blend", "list/a.csv", "--out", "c.blend")
    assert code == 1 and len(out.splitlines()) == 1 and not (tmp_path / "c.blend").exists()


def test_a_batch_that_was_broken_off_goes_on(moclip, studio, listed, tmp_path):
    file = listed(line("a"), line("b"), line("c"))
    studio.fail["b.blend"] = KeyboardInterrupt()
    assert moclip("keyframe", "--batch", str(file), "--out", "done")[0] == 130
    assert (tmp_path / "done" / NAME).exists()
    (tmp_path / "done" / "b.blend@").write_bytes(b"half")  # as a Blender that is killed leaves it
    studio.fail, studio.keyed = {}, []
    code, out, _ = moclip("keyframe", "--batch", str(file), "--out", "done")
    assert code == 0 and studio.keyed == ["b.blend", "c.blend"] and len(out.splitlines()) == 3
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["a.blend", "b.blend", "c.blend"]


def test_what_changed_meanwhile_is_keyed_again(moclip, studio, listed, tmp_path):
    file = listed(line("a"), line("b"), line("c"), line("d"))
    studio.fail["d.blend"] = MoclipError("Blender stopped.", code="blender")
    assert moclip("keyframe", "--batch", str(file), "--out", "done")[0] == 1
    studio.fail, studio.keyed = {}, []
    (tmp_path / "list" / "a.csv").write_text("armature,prompt\n,a person jumps\n")
    (tmp_path / "done" / "b.blend").write_bytes(b"damaged")
    assert moclip("keyframe", "--batch", str(file), "--out", "done")[0] == 0
    assert studio.keyed == ["a.blend", "b.blend", "d.blend"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("a.blend", "a.csv"),
        ("a.blend", "--out", "b.blend"),
        ("a.blend", "a.csv", "--batch", "x.jsonl", "--out", "b"),
        ("a.blend", "a.csv", "--out", "b.blend", "--engine", "ray"),
        ("--batch", "x.jsonl", "--out", "b", "--engine", "slurm"),
        ("--batch", "x.jsonl", "--out", "b", "--workers", "2"),
    ],
)
def test_options_that_do_not_go_together_are_bad_usage(moclip, studio, arguments):
    assert moclip("keyframe", *arguments)[0] == 2
