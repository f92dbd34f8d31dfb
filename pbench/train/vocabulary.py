"""The closed vocabulary of the bundled model, as a tokenizer.json that any loader reads.

A token is a fixed piece of a prompt template, a piece of list punctuation, a first name, a last
name with its space in front, a digit, a capital letter, or one of four special tokens. Where
sentences are written, also a word with its space in front, or a capitalised one that can begin a
sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from pbench.tasks import TaskSpec, draw, reference_text
from pbench.tasks.sentences import sentence_tokens

__all__ = ["SPECIAL", "build_tokenizer", "content_tokens"]

_WORKED_SAMPLES = 200  # every sentence of a worked answer occurs in most of them
SPECIAL = ("<pad>", "<mask>", "<eos>", "<unk>")
_PUNCTUATION = ('["', '", "', '"]', ", ", ",", "\n")
# Of the words in a prompt the space belongs to the word, as it does in a sentence.
_SENTENCE_PUNCTUATION = (",", " ", "\n")
_SYMBOLS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def build_tokenizer(specs: Sequence[TaskSpec]) -> Tokenizer:
    """Tokenizer over the prompts of `specs`; ids follow the order of the docstring above."""
    punctuation = _SENTENCE_PUNCTUATION if _write_sentences(specs) else _PUNCTUATION
    vocabulary = list(dict.fromkeys([*SPECIAL, *_pieces(specs), *punctuation, *_content(specs)]))
    tokenizer = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(vocabulary)}, unk_token=SPECIAL[3])
    )
    longest_first = sorted(vocabulary[len(SPECIAL) :], key=lambda token: (-len(token), token))
    pattern = "|".join(re.escape(token) for token in longest_first)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def content_tokens(specs: Sequence[TaskSpec], tokenizer: Tokenizer) -> list[int]:
    """Ids of the tokens that carry an answer's content: names, letters, digits, all of a sentence."""
    vocabulary = tokenizer.get_vocab()
    return [vocabulary[token] for token in _content(specs)]


def _pieces(specs: Sequence[TaskSpec]) -> list[str]:
    """Fixed texts of the templates; parts alternate between text and field name.

    A number that a template shows as a field of its own (the size of a square) stays a digit.
    """
    texts = [text for spec in specs for text in spec.template.parts[::2] if text]
    texts += [text for spec in specs for text in _worked_pieces(spec)]
    return [text.rstrip(" ") or text for text in texts] if _write_sentences(specs) else texts


def _worked_pieces(spec: TaskSpec) -> list[str]:
    """What stands between names and numbers in a task's worked answers; none where it has no such."""
    if not getattr(spec.options, "worked_examples", False):
        return []
    names = "|".join(re.escape(word) for word in _content([spec]) if len(word) > 1)
    fillings = re.compile(rf"(?:{names})|[0-9]")
    answers = [reference_text(draw(spec, number, shots=0)) or "" for number in range(_WORKED_SAMPLES)]
    return sorted({piece for answer in answers for piece in fillings.split(answer) if piece})


def _write_sentences(specs: Sequence[TaskSpec]) -> bool:
    return any(spec.options.invents for spec in specs)


def _content(specs: Sequence[TaskSpec]) -> list[str]:
    names = [word for spec in specs for word in spec.pool if isinstance(word, str) and " " in word]
    firsts = sorted({name.partition(" ")[0] for name in names})
    lasts = sorted({" " + name.partition(" ")[2] for name in names})
    sentences = sentence_tokens() if _write_sentences(specs) else ()
    return list(dict.fromkeys([*firsts, *lasts, *_SYMBOLS, *sentences]))
