"""STAGE 1: suites of tasks, their generators, and the samples files that `tasks build` writes."""

from pbench.tasks.build import build, describe
from pbench.tasks.check import Report, check_files, check_suite
from pbench.tasks.export import export_sft
from pbench.tasks.generate import Split, content_key, content_keys, draw, generate, reference_text
from pbench.tasks.imports import Imported, import_data
from pbench.tasks.oracle_answers import SelfTest, markdown, oracle_answers
from pbench.tasks.resolve import DEFAULT_SUITE, all_tasks, resolve
from pbench.tasks.spec import Question, TaskOptions, TaskSpec
from pbench.tasks.suites import Suite, load_suite, shipped_suites

__all__ = [
    "DEFAULT_SUITE",
    "Imported",
    "Question",
    "Report",
    "SelfTest",
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
    "import_data",
    "load_suite",
    "markdown",
    "oracle_answers",
    "reference_text",
    "resolve",
    "shipped_suites",
]
