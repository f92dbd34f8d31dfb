"""STAGE 1: suites of tasks, their generators, and the samples files that `tasks build` writes."""

from pbench.tasks.build import build, describe
from pbench.tasks.check import Report, check_files, check_suite
from pbench.tasks.export import export_sft
from pbench.tasks.generate import Split, content_key, content_keys, draw, generate, reference_text
from pbench.tasks.resolve import DEFAULT_SUITE, all_tasks, resolve
from pbench.tasks.spec import Question, TaskOptions, TaskSpec
from pbench.tasks.suites import Suite, load_suite, shipped_suites

__all__ = [
    "DEFAULT_SUITE",
    "Question",
    "Report",
    "Split",
    "Suite",
    "TaskOptions",
    "TaskSpec",
    "all_tasks",
    "build",
    "check_files",
    "check_suite",
    "content_key",
    "content_keys",
    "describe",
    "draw",
    "export_sft",
    "generate",
    "load_suite",
    "reference_text",
    "resolve",
    "shipped_suites",
]
