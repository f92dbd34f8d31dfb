"""The collector of cycles: paused while a command begins, and nothing to look through when it ends."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from pbench.cli import collector

SHOWS = """
import atexit, gc, sys
atexit.register(lambda: print("left alone", gc.get_freeze_count() > 1000, gc.isenabled()))
sys.argv = ["pbench", *sys.argv[1:]]
from pbench.cli import main
main()
"""


def test_no_collection_inside_and_again_behind():
    try:
        with collector.paused():
            assert not gc.isenabled()
            with collector.paused():
                pass
            assert not gc.isenabled()
        assert gc.isenabled()
        with pytest.raises(ValueError, match="inside"), collector.paused():
            raise ValueError("inside")
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


@pytest.mark.parametrize(
    ("words", "code"), [(["--version"], 0), (["decode", "--model", "no-such-model"], 2), (["nothing"], 2)]
)
def test_a_command_leaves_nothing_to_look_through(words, code):
    done = subprocess.run([sys.executable, "-c", SHOWS, *words], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout.endswith("left alone True True\n")
