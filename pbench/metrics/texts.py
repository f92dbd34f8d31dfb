"""Free text: grammar, words to a sentence, summaries (ROUGE), paraphrases (BLEU, BERTScore).

All of them work on whole columns. A value without its tool is None with a reason, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

from pbench.metrics.cells import Cell, each, explain, products
from pbench.metrics.parsing import as_items
from pbench.metrics.registry import BertScorer, MetricTools, batch_metric

__all__ = ["grammar", "grammar_cells", "paraphrase", "starts_with", "summary", "words_to_sentence"]

# ROUGE and BLEU look at this many characters of an answer: ROUGE-L is quadratic, and an answer of
# the text tasks has some hundred.
MAX_TEXT_CHARACTERS = 20_000
ROUGE_NAMES = ("rouge1", "rouge2", "rougeL")
NO_CHECKER = "no grammar checker"
NO_BERTSCORE = "no BERTScore model"


def _text(reference: Any, key: str) -> str:
    """A field of the reference; a reference that is a string is the field itself."""
    value = reference if isinstance(reference, str) else reference[key]
    if not isinstance(value, str):
        raise TypeError(f"{key!r} of the reference is not a text")
    return value


def _beginning(text: str) -> str:
    """What ROUGE, BLEU and BERTScore read of a text: all of it, unless it is very long."""
    return text if len(text) <= MAX_TEXT_CHARACTERS else text.strip()[:MAX_TEXT_CHARACTERS]


def grammar_cells(texts: Sequence[str], tools: MetricTools) -> list[Cell]:
    """1.0 where the checker finds nothing, 0.0 where it does or the text is blank."""
    checker = tools.grammar
    if checker is None:
        return [NO_CHECKER] * len(texts)
    found: dict[str, Cell] = {text: 0.0 for text in texts if not text.strip()}
    asked = [text for text in dict.fromkeys(texts) if text not in found]
    try:
        found |= {
            text: float(not findings) for text, findings in zip(asked, checker.check(asked), strict=True)
        }
    except Exception:
        # One text that the checker cannot take must not cost the others their values.
        alone = each(lambda text: float(not checker.check([text])[0]), asked)
        found |= dict(zip(asked, alone, strict=True))
    return [found[text] for text in texts]


@batch_metric("grammar", values=("score", "grammar_score"), needs=("grammar",))
def grammar(
    predictions: Sequence[str],
    references: Sequence[Any],  # noqa: ARG001 - grammar needs no reference
    tools: MetricTools,
) -> dict[str, list[Cell]]:
    """Whether the text is grammatical."""
    cells = grammar_cells(predictions, tools)
    return {"score": cells, "grammar_score": cells}


@batch_metric(
    "words_to_sentence",
    values=("score", "score_grammar_only", "inclusion_score", "grammar_score"),
    needs=("grammar",),
)
def words_to_sentence(
    predictions: Sequence[str], references: Sequence[Any], tools: MetricTools
) -> dict[str, list[Cell]]:
    """A grammatical sentence in which every word of `words` occurs (as a substring, case-sensitive)."""

    def included(prediction: str, reference: Any) -> float:
        words = as_items(reference["words"] if isinstance(reference, dict) else reference)
        return float(all(word in prediction for word in words))

    inclusion: list[Cell] = each(included, predictions, references)
    correct = grammar_cells(predictions, tools)
    return {
        "score": products(inclusion, correct),
        "score_grammar_only": correct,
        "inclusion_score": inclusion,
        "grammar_score": correct,
    }


@batch_metric(
    "summary",
    values=("score", *ROUGE_NAMES, "grammar_score"),
    needs=("grammar",),
    reads=MAX_TEXT_CHARACTERS,
)
def summary(
    predictions: Sequence[str], references: Sequence[Any], tools: MetricTools
) -> dict[str, list[Cell]]:
    """ROUGE-1/2/L F-measure with stemmer against `summary`; `score` is rougeL x grammar."""
    score = _rouge()

    def measured(prediction: str, reference: Any) -> dict[str, float]:
        target = _beginning(_text(reference, "summary"))
        return score(target, _beginning(prediction))

    rows = each(measured, predictions, references)
    rouge: dict[str, list[Cell]] = {
        name: [row if isinstance(row, str) else row[name] for row in rows] for name in ROUGE_NAMES
    }
    correct = grammar_cells(predictions, tools)
    return {"score": products(rouge["rougeL"], correct), **rouge, "grammar_score": correct}


@batch_metric(
    "paraphrase",
    values=("score", "inv_bleu_score", "bertscore_score", "grammar_score"),
    needs=("grammar", "bertscore"),
    reads=MAX_TEXT_CHARACTERS,
)
def paraphrase(
    predictions: Sequence[str], references: Sequence[Any], tools: MetricTools
) -> dict[str, list[Cell]]:
    """Far from `text` in words (1 - BLEU), near in meaning (BERTScore F1), grammatical.

    `score` is the product; every value of a blank prediction is 0.
    """
    bleu = _bleu()

    def distance(prediction: str, reference: Any) -> float:
        source = _beginning(_text(reference, "text"))
        if not prediction.strip():
            return 0.0
        try:
            return 1.0 - bleu(_beginning(prediction), source)
        except ValueError:  # where the original raises
            return 0.0

    inverse: list[Cell] = each(distance, predictions, references)
    similar = _bertscore_cells(predictions, references, tools)
    correct = grammar_cells(predictions, tools)
    return {
        "score": products(inverse, similar, correct),
        "inv_bleu_score": inverse,
        "bertscore_score": similar,
        "grammar_score": correct,
    }


@batch_metric("starts_with", values=("score", "startswith_score", "grammar_score"), needs=("grammar",))
def starts_with(
    predictions: Sequence[str], references: Sequence[Any], tools: MetricTools
) -> dict[str, list[Cell]]:
    """A grammatical text that begins with `startwith` (outer white space and quotes do not count)."""

    def begins(prediction: str, reference: Any) -> float:
        return float(prediction.strip().strip('"').startswith(_text(reference, "startwith")))

    start: list[Cell] = each(begins, predictions, references)
    correct = grammar_cells(predictions, tools)
    return {"score": products(start, correct), "startswith_score": start, "grammar_score": correct}


@cache
def _rouge() -> Callable[[str, str], dict[str, float]]:
    """(target, prediction) -> F-measures by name; the scorer is built once."""
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenize import tokenize
    from rouge_score.tokenizers import porter

    class Tokens:
        """The library's own tokens; stemming, most of its time, is done once a word."""

        stem = staticmethod(lru_cache(maxsize=2**16)(porter.PorterStemmer().stem))

        def tokenize(self, text: str) -> list[str]:
            return tokenize(text, self)

    scorer = RougeScorer(list(ROUGE_NAMES), tokenizer=Tokens())

    def score(target: str, prediction: str) -> dict[str, float]:
        return {name: float(value.fmeasure) for name, value in scorer.score(target, prediction).items()}

    return score


def _bleu() -> Callable[[str, str], float]:
    """(prediction, source) -> sentence BLEU in 0..1: 4-grams, brevity penalty, no smoothing, 13a.

    ValueError where one of them has no token. To be made anew for each column of texts: the
    library remembers 65,536 texts for ever, and is made to forget them here.
    """
    from sacrebleu.metrics import BLEU
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
    from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

    for tokenizer in (Tokenizer13a, TokenizerRegexp):
        tokenizer.__call__.cache_clear()

    # Tokens are made here because the library drops white space at the end first, which the
    # original does not: it matters to 13a where a text ends in a hyphen and a newline.
    tokens, scorer = Tokenizer13a(), BLEU(smooth_method="none", tokenize="none", force=True)

    def score(prediction: str, source: str) -> float:
        words, reference = tokens(prediction), tokens(source)
        if not words or not reference:
            raise ValueError("a text without a token")
        # A corpus of one: the same number as sentence_score, which warns at each call.
        return min(float(scorer.corpus_score([words], [[reference]]).score) / 100.0, 1.0)

    return score


def _bertscore_cells(predictions: Sequence[str], references: Sequence[Any], tools: MetricTools) -> list[Cell]:
    scorer = tools.bertscore
    if scorer is None:
        return [NO_BERTSCORE] * len(predictions)
    sources: list[list[str] | str] = each(lambda reference: [_text(reference, "text")], references)
    cells: list[Cell] = [source if isinstance(source, str) else 0.0 for source in sources]
    pairs = {
        row: (_beginning(prediction), source[0])
        for row, (prediction, source) in enumerate(zip(predictions, sources, strict=True))
        if isinstance(source, list) and prediction.strip()
    }
    for row, cell in zip(pairs, _similarity(scorer, list(pairs.values())), strict=True):
        cells[row] = cell
    return cells


def _similarity(scorer: BertScorer, pairs: Sequence[tuple[str, str]]) -> list[Cell]:
    """BERTScore F1, cut to 0..1, of each (prediction, source)."""
    if not pairs:
        return []
    try:
        values = scorer([prediction for prediction, _ in pairs], [source for _, source in pairs])
    except Exception as error:
        if len(pairs) == 1:
            return [explain(error)]
        # A pair that the model cannot take must not cost the others their values.
        middle = len(pairs) // 2
        return _similarity(scorer, pairs[:middle]) + _similarity(scorer, pairs[middle:])
    return [min(max(float(value), 0.0), 1.0) for value in values]
