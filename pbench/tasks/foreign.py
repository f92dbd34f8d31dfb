"""Data in the form of the original benchmark, read: where it lies, its task_config.yaml, its lines.

A data set is a folder of groups; a group holds `task_config.yaml` (task -> prompt, metric, ...) and
one `<task>.jsonl` a task. Everything that is not as it should be is an ArtifactError that names
the file and the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pbench.artifacts import numbered_lines
from pbench.errors import ArtifactError, UsageError
from pbench.metrics import MetricInfo, get_metric

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

__all__ = ["CONFIG", "ForeignTask", "find_groups", "read_config", "read_lines"]

CONFIG = "task_config.yaml"
# Where a checkout of 2025 has its test split; that of 2026 has it below parallelbench/data.
_CHECKOUT_2025 = Path("dataset/parallel_bench/data/output/test")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class ForeignTask(NamedTuple):
    """An entry of task_config.yaml: its key, its prompt (a template) and metric, and where they stand."""

    name: str
    prompt: str
    prompt_at: str
    metric: MetricInfo
    shots: int | None


def find_groups(folder: Path) -> list[Path]:
    """The group folders of the data set in `folder`, sorted by name.

    `folder` is a group, a data set, or a checkout that holds one; of several data sets the one
    called `test` is meant. ArtifactError if there is none, or no telling which.
    """
    if not folder.is_dir():
        raise ArtifactError(
            f"{folder}: there is no such folder; name a checkout of the benchmark or its data"
        )
    if (folder / CONFIG).is_file():
        return [folder]
    return _groups_in(folder) or _groups_in(folder / _CHECKOUT_2025) or _groups_below(folder)


def _groups_in(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))


def _groups_below(folder: Path) -> list[Path]:
    sets = sorted({path.parent.parent for path in folder.rglob(CONFIG)})
    if not sets:
        raise ArtifactError(f"{folder}: no data of the original benchmark: no folder in it has a {CONFIG}")
    tests = [path for path in sets if "test" in path.relative_to(folder).parts] or sets
    if len(tests) > 1:
        raise ArtifactError(f"{folder}: holds several data sets, name one: {', '.join(map(str, tests))}")
    return _groups_in(tests[0])


def read_config(group: Path) -> list[ForeignTask]:
    """The tasks that a group's task_config.yaml names, in its order."""
    from ruamel.yaml.nodes import MappingNode

    path = group / CONFIG
    root = _composed(path)
    if not isinstance(root, MappingNode) or not root.value:
        raise ArtifactError(f"{path}:1: expected tasks by name")
    tasks: dict[str, ForeignTask] = {}
    for key, entry in root.value:
        where = f"{path}:{_line(key)}"
        if not _NAME.fullmatch(str(key.value)):
            raise ArtifactError(f"{where}: {str(key.value)!r} is no name of a task")
        if key.value in tasks:
            raise ArtifactError(f"{where}: task {key.value!r} stands twice")
        if not isinstance(entry, MappingNode):
            raise ArtifactError(f"{where}: task {key.value!r} has no options (prompt, metric, ...)")
        tasks[key.value] = _task(key.value, dict(_named(entry)), path, where)
    return list(tasks.values())


def _composed(path: Path) -> Node | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).compose(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ArtifactError(f"{path}: is not UTF-8 text") from None
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ArtifactError(f"{path}:{mark.line + 1 if mark else 1}: bad YAML: {problem}") from None


def _named(entry: Node) -> Iterator[tuple[str, Node]]:
    for key, value in entry.value:
        if isinstance(key.value, str):
            yield key.value, value


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _task(name: str, options: dict[str, Node], path: Path, where: str) -> ForeignTask:
    """The options that scoring and asking need; the others are how the data were made."""
    texts: dict[str, str] = {}
    for option in ("prompt", "metric"):
        if option not in options:
            raise ArtifactError(f"{where}: task {name!r} has no {option}")
        if not isinstance(options[option].value, str):
            raise ArtifactError(f"{path}:{_line(options[option])}: the {option} of {name!r} is no text")
        texts[option] = options[option].value
    try:
        metric = get_metric(texts["metric"])
    except UsageError as error:
        raise ArtifactError(f"{path}:{_line(options['metric'])}: {error}") from None
    # In single quotes YAML leaves backslash and n as they are; a newline is meant.
    prompt = texts["prompt"].replace("\\n", "\n")
    return ForeignTask(name, prompt, f"{path}:{_line(options['prompt'])}", metric, _shots(options, path))


def _shots(options: dict[str, Node], path: Path) -> int | None:
    node = options.get("icl_example_count")
    if node is None or node.value in ("", "null", "~"):
        return None
    if not isinstance(node.value, str) or not node.value.isascii() or not node.value.isdigit():
        raise ArtifactError(f"{path}:{_line(node)}: icl_example_count is no number")
    return int(node.value)


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """("FILE:LINE", object) for each line of a JSONL file; blank lines are passed over.

    Numbers keep all their digits, of keys that stand twice the last one counts: as Python's own
    reader has it, which the original uses.
    """
    for where, line in numbered_lines(path):
        yield where, _object(line, where)


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise ArtifactError(f"{where}: is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{where}: broken line, not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ArtifactError(f"{where}: broken line, no object with input and answer")
    return value
