"""STAGE 2: samples to generations. The engine, the run around it, and what identifies a run."""

from __future__ import annotations

from pbench.decode.engine import Engine, EngineOptions, nfe_bound
from pbench.decode.identity import describe, run_identity, run_name
from pbench.decode.run import Plan, Result, decode_run, journal_path, make_plan

__all__ = [
    "Engine",
    "EngineOptions",
    "Plan",
    "Result",
    "decode_run",
    "describe",
    "journal_path",
    "make_plan",
    "nfe_bound",
    "run_identity",
    "run_name",
]
