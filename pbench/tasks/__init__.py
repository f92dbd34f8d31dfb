"""STAGE 1: suites of tasks, their generators, and the samples files that `tasks build` writes."""

from pbench.tasks.generate import content_key, content_keys, draw, generate, reference_text
from pbench.tasks.spec import Question, TaskOptions, TaskSpec
from pbench.tasks.suites import Suite, load_suite, shipped_suites

__all__ = [
    "Question",
    "Suite",
    "TaskOptions",
    "TaskSpec",
    "content_key",
    "content_keys",
    "draw",
    "generate",
    "load_suite",
    "reference_text",
    "shipped_suites",
]
