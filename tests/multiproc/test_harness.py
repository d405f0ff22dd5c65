# SPDX-License-Identifier: Apache-2.0
"""The harness itself: it sees what it should see, and leaves nothing behind."""
import os
import sys

import pytest

from actors import Failed, wait_for
from harness import Harness

PRINTS_AND_WAITS = (
    "print('checkpoint here', flush=True); print('line', flush=True); input(); print('checkpoint end')"
)
LEAVES_A_CHILD = (
    "import subprocess; p = subprocess.Popen(['sleep', '600']); print('checkpoint', p.pid, flush=True)"
)


def python(code):
    return [sys.executable, "-c", code]


def exists(pid):
    return os.path.exists(f"/proc/{pid}")


def test_checkpoints_and_lines_arrive(harness):
    process = harness.start(python(PRINTS_AND_WAITS))
    process.wait_for("here")
    assert process.read_line() == "line"
    assert "end" not in process.checkpoints
    process.write_line("go on")
    process.wait_for("end")
    assert process.wait() == 0


def test_waiting_for_a_checkpoint_ends_with_the_process(harness):
    process = harness.start(python("import sys; print('the reason', file=sys.stderr); sys.exit(3)"))
    with pytest.raises(Failed, match="ended with 3(.|\n)*the reason"):
        process.wait_for("never")


def test_waiting_for_a_checkpoint_ends_with_its_limit(harness):
    process = harness.start(python("input()"))
    with pytest.raises(Failed, match="nothing within"):
        process.wait_for("never", timeout=0.1)


def test_stopped_process_goes_on_where_it_was(harness):
    process = harness.start(python(PRINTS_AND_WAITS))
    process.wait_for("here")
    process.stop()
    process.write_line("go on")
    with pytest.raises(Failed):
        process.wait_for("end", timeout=0.1)
    process.resume()
    process.wait_for("end")


def test_killed_process_is_gone(harness):
    process = harness.start(python("input()"))
    process.kill()
    assert not exists(process.pid)
    assert not process.is_running()


def test_a_child_that_outlives_its_parent_is_reported_and_ended(tmp_path):
    inner = Harness(tmp_path)
    process = inner.start(python(LEAVES_A_CHILD))
    process.wait()
    child = int(next(iter(process.checkpoints)))
    problems = inner.finish()
    assert problems == [f"process {child} outlives the test"]
    wait_for(lambda: not exists(child), "the child to end")
    assert not inner.runtime_folder.exists()


def test_a_file_left_in_the_runtime_folder_is_reported(tmp_path):
    inner = Harness(tmp_path)
    (inner.runtime_folder / "socket").touch()
    assert inner.finish() == [f"{inner.runtime_folder}/socket is left behind"]


def test_actor_answers_and_ends(harness):
    actor = harness.actor()
    address = actor.value("alloc", 100)
    actor.call("fill", address, 100, 7)
    actor.call("check", address, 100, 7)
    assert "byte 0 of 99" in actor.ask("check", address + 1, 99, 7).text
    actor.call("check", address + 10, 90, 7, 10)
    actor.call("free", address)
    actor.quit()
    assert not exists(actor.pid)


def test_stdin_that_closes_ends_an_actor(harness):
    actor = harness.actor()
    actor.popen.stdin.close()
    assert actor.wait() == 0
