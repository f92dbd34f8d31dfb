"""Chat templates: messages to the one text that a model reads.

A checkpoint's own template is rendered as transformers does it (same environment, same names), but
without transformers, whose import takes longer than all the rest of a cold start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pbench.errors import ArtifactError, UsageError
from pbench.records import Message

__all__ = ["CHATML", "LLAMA3", "Chat", "ChatFormat"]


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """A family's template, for checkpoints without one, and the words with which an answer begins.

    `said` is what a note says of it.
    """

    template: str
    generation_prompt: str
    said: str = "that of the family is used"


CHATML = ChatFormat(
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "<|im_start|>assistant\n",
)
LLAMA3 = ChatFormat(
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}"
    "<|end_header_id|>\n\n{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)


class Chat:
    """A compiled template; `special` are the names that it may use (bos_token, ...)."""

    def __init__(self, template: str, special: Mapping[str, str], generation_prompt: str, where: str):
        """ArtifactError if the template of `where` is none."""
        try:
            self._template = _environment().from_string(template)
        except TemplateError as error:
            raise ArtifactError(f"{where}: its chat template is broken: {error}") from None
        self._special = dict(special)
        self._generation_prompt = generation_prompt

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt, the beginning of the answer included; UsageError if the template refuses.

        Mends what published templates do wrong: BOS twice, or no generation prompt though asked for.
        """
        text = self._render(messages, True)
        begun = text.rstrip().endswith(self._generation_prompt.rstrip())  # jinja drops a last newline
        if not begun and text == self._render(messages, False):
            text += self._generation_prompt
        bos = self._special.get("bos_token", "")
        while bos and text.startswith(bos + bos):
            text = text[len(bos) :]
        return text

    def _render(self, messages: Sequence[Message], begin_answer: bool) -> str:
        try:
            return self._template.render(
                messages=list(messages), add_generation_prompt=begin_answer, **self._special
            )
        except Exception as error:  # a template is a program: it can divide by zero
            raise UsageError(f"the model's chat template refuses this prompt: {error}") from None


def _environment() -> ImmutableSandboxedEnvironment:
    """As in transformers: blocks leave no blank lines, JSON is not escaped for HTML."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    return environment


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)
