"""Worker processes end with their parent, whichever way it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pbench
from pbench.processes import cores
from tests.grammar.conftest import ended

_PARENT = """
import multiprocessing, sys, time
from pbench.processes import worker_pool

if __name__ == "__main__":
    with worker_pool(2) as pool:
        futures = [pool.submit(time.sleep, 60) for _ in range(2)]
        while not all(future.running() for future in futures):
            time.sleep(0.01)
        print(*(process.pid for process in multiprocessing.active_children()), flush=True)
        if sys.argv[1] == "stop":
            raise SystemExit
        time.sleep(60)
"""


@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_workers_end_with_their_parent(tmp_path: Path, ending: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    with subprocess.Popen(
        [sys.executable, str(script), ending],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(pbench.__file__).parents[1])},
    ) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert len(workers) == 2
        if ending == "kill":
            parent.kill()
        parent.wait(300)
    assert all(ended(pid) for pid in workers)


def test_cores_are_those_that_this_process_may_use() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    code += "; from pbench.processes import cores; print(cores())"
    here = os.environ | {"PYTHONPATH": str(Path(pbench.__file__).parents[1])}
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=here, check=True)
    assert int(alone.stdout) == 1 <= cores()
