"""Strict configuration: option models, YAML with file and line in every error, config_id.

YAML is version 1.2 (`no` is a string, `1e-3` a number); duplicate keys, tags and aliases are
errors, and so is every key that the model at that place does not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args, get_origin

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from pbench.errors import ArtifactError, ConfigError, UsageError, nearest

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

__all__ = [
    "Strict",
    "canonical_json",
    "checkpoint_config",
    "config_id",
    "content_hash",
    "load_yaml",
    "validate_options",
    "yaml_line",
]

_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
_MAX_BYTES = 4_000_000


class Strict(BaseModel):
    """Base of every option model: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8; NaN is refused."""
    if _has_nan(value):
        raise ValueError("NaN or infinity has no JSON form")
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def content_hash(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON form of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def config_id(identity: Mapping[str, Any]) -> str:
    """Ten hex digits that stand for everything that determines the answers of a run."""
    return content_hash(dict(identity))[:10]


def checkpoint_config(folder: Path) -> dict[str, Any]:
    """The config.json of a model folder, empty if it is no object; ArtifactError if it cannot be read."""
    path = folder / "config.json"
    try:
        config = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}; a model folder holds one") from None
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: {error}") from None
    return config if isinstance(config, dict) else {}


def _has_nan(value: Any) -> bool:
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, Mapping):
        return any(map(_has_nan, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_nan, value))


def load_yaml(path: Path, model: type[M]) -> M:
    """Read `path` into `model`.

    Raises ConfigError with file and line for unreadable files, bad YAML, unknown keys (with the
    nearest known one) and values that the model refuses.
    """
    root = _compose(path)
    data = _construct(root, path)
    if not isinstance(data, dict):
        raise ConfigError("expected a mapping of keys to values", path=path, line=1)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        loc, message = _first_problem(error, model)
        raise ConfigError(message, path=path, line=_line_of(root, loc)) from None


def yaml_line(path: Path, *loc: str | int) -> int | None:
    """Line of what lies at `loc` (keys and list places) in a YAML file, or of the deepest part that is there.

    A list of one may be written without its brackets. None if the file cannot be read any more.
    """
    try:
        return _line_of(_compose(path), loc)
    except ConfigError:
        return None


def validate_options(model: type[M], values: Mapping[str, Any], what: str) -> M:
    """Build an option model from command-line values; UsageError names the option."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        missing = _missing_option(error, model)
        raise UsageError(f"{what}{missing or ': ' + _first_problem(error, model)[1]}") from None


def _missing_option(error: ValidationError, model: type[BaseModel]) -> str:
    """ " needs --gamma (what it is)" where nothing is wrong but that it is not there, else nothing."""
    problem = error.errors(include_url=False)[0]
    if problem["type"] != "missing" or error.error_count() > 1:
        return ""
    name = str(problem["loc"][-1])
    field = model.model_fields.get(name)
    meaning = f" ({field.description})" if field is not None and field.description else ""
    return f" needs --{name.replace('_', '-')}{meaning}"


def _compose(path: Path) -> Node:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)  # the size that is said of /dev/zero is 0
        if len(data) > _MAX_BYTES:
            raise ConfigError("the file is larger than 4 MB; that is no configuration", path=path)
        text = data.decode("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", path=path) from None
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"bad YAML: {problem}", path=path, line=mark and mark.line + 1) from None
    except RecursionError:
        raise ConfigError("bad YAML: nested too deeply", path=path) from None
    if root is None:
        raise ConfigError("the file is empty", path=path)
    return root


def _construct(node: Node, path: Path) -> Any:
    """Plain Python values of a node tree; refuses tags, aliases and duplicate keys on the way."""
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    constructor = YAML(typ="safe", pure=True).constructor
    seen: set[int] = set()

    def build(node: Node) -> Any:
        line = node.start_mark.line + 1
        if id(node) in seen:
            raise ConfigError("aliases (*name) are not accepted; write the value out", path=path, line=line)
        seen.add(id(node))
        if str(node.tag) not in _PLAIN_TAGS:
            raise ConfigError(f"tag {node.tag} is not accepted", path=path, line=line)
        if isinstance(node, SequenceNode):
            return [build(item) for item in node.value]
        if isinstance(node, MappingNode):
            result: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = build(key_node)
                at = key_node.start_mark.line + 1
                if not isinstance(key, str):
                    raise ConfigError(f"key {key!r} is not text; quote it", path=path, line=at)
                if key in result:
                    raise ConfigError(f"key {key!r} stands twice", path=path, line=at)
                result[key] = build(value_node)
            return result
        try:
            return constructor.construct_object(cast(ScalarNode, node))
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"bad value: {error}", path=path, line=line) from None

    try:
        return build(node)
    except RecursionError:
        raise ConfigError("nested too deeply", path=path) from None


def _first_problem(error: ValidationError, model: type[BaseModel]) -> tuple[tuple[Any, ...], str]:
    problems = error.errors(include_url=False)
    # A misspelt required key is both unknown and missing; the former says more.
    problem = next((found for found in problems if found["type"] == "extra_forbidden"), problems[0])
    loc = tuple(part for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        names, models = _walk(model, loc[:-1])
        known = {field.alias or name for found in models for name, field in found.model_fields.items()}
        return loc, f"unknown key {'.'.join([*names, str(loc[-1])])!r}{nearest(str(loc[-1]), known)}"
    name = ".".join(_walk(model, loc)[0])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return loc[:-1], f"key {name!r} is missing"
    return loc, f"{name}: {message}" if name else message


def _walk(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[list[str], list[type[BaseModel]]]:
    """Follow `loc` through the models: its parts as the file has them, and the models at its end.

    pydantic puts the tag of a discriminated union into the location, and `[key]` for a bad key.
    """
    names: list[str] = []
    models = [model]
    in_dict = False
    for part in loc:
        tagged = [found for found in models if len(models) > 1 and _has_tag(found, part)]
        inner = [found.model_fields[part].annotation for found in models if part in found.model_fields]
        if tagged and not in_dict:
            models = tagged
        elif part != "[key]":
            names.append(str(part))
            models = [found for annotation in inner for found in _models_in(annotation)] or models
        in_dict = not in_dict and any(get_origin(annotation) is dict for annotation in inner)
    return names, models


def _has_tag(model: type[BaseModel], part: Any) -> bool:
    return any(
        get_origin(field.annotation) is Literal and part in get_args(field.annotation)
        for field in model.model_fields.values()
    )


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for arg in getattr(annotation, "__args__", ()) for found in _models_in(arg)]


def _line_of(root: Node, loc: tuple[Any, ...]) -> int:
    """Line of the node at `loc`, or of the deepest one on the way to it."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    node, line = root, root.start_mark.line + 1
    for part in loc:
        if isinstance(node, MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                continue
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
