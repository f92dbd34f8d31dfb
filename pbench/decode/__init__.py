"""STAGE 2: samples to generations. The engine, the run around it, and what identifies a run."""

from __future__ import annotations

from pbench.decode.engine import Engine, nfe_bound
from pbench.decode.identity import describe, generator_identity, run_identity, run_name
from pbench.decode.infill import fit_sample
from pbench.decode.options import EngineOptions, check_needs
from pbench.decode.plan import Plan, make_plan
from pbench.decode.run import Result, decode_run
from pbench.decode.runners import Engines, LocalRunner, Texts
from pbench.decode.shards import Shard, journal_path

__all__ = [
    "Engine",
    "EngineOptions",
    "Engines",
    "LocalRunner",
    "Plan",
    "Result",
    "Shard",
    "Texts",
    "check_needs",
    "decode_run",
    "describe",
    "fit_sample",
    "generator_identity",
    "journal_path",
    "make_plan",
    "nfe_bound",
    "run_identity",
    "run_name",
]
