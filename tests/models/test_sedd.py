"""SEDD decodes: what a run of the generator gives, in batches and alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings, TextGenerator
from pbench.models.sedd import SeddGenerator
from pbench.models.sedd_files import JOINED
from pbench.models.tokens import Tokens
from pbench.records import Generation, Sample

from .test_sedd_network import CONFIG, network

WORDS = ["<|endoftext|>", *(f"w{i}" for i in range(1, 40))]
UNIFORM = {"graph": {"type": "uniform"}, "model": CONFIG["model"] | {"scale_by_sigma": False}}  # type: ignore[operator]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()  # type: ignore[assignment]
    tokenizer.add_special_tokens(["<|endoftext|>"])
    folder = tmp_path_factory.mktemp("words")
    tokenizer.save(str(folder / "tokenizer.json"))
    return Tokens(folder, JOINED)


Make = Callable[..., SeddGenerator]


@pytest.fixture
def generator(tokens: Tokens) -> Make:
    return lambda **changes: SeddGenerator("sedd", network(**changes), tokens, 0, {"name": "sedd"})


def sample(index: int, words: int = 4, gen_length: int = 8) -> Sample:
    text = " ".join(WORDS[1 + (index + i) % 39] for i in range(words))
    return Sample(
        sample_id=f"t/{index}",
        task="t",
        category="c",
        index=index,
        messages=({"role": "system", "content": "w1 w2"}, {"role": "user", "content": text}),
        answer="",
        gen_length=gen_length,
        metric="m",
        headline="score",
    )


SAMPLES = [sample(i, words=1 + 3 * i, gen_length=8 if i % 3 else 4) for i in range(9)]


def run(model: SeddGenerator, batch_size: int = 4, **options: Any) -> dict[str, Generation]:
    settings = GenerationSettings(temperature=1.0, seed=5, batch_size=batch_size, options=options)
    return {row.sample.sample_id: row for row in model.run(SAMPLES, settings)}


def _same(rows: Mapping[str, Generation]) -> dict[str, tuple[Any, ...]]:
    return {name: (row.output_ids, row.commit_step, row.nfe, row.query_tokens) for name, row in rows.items()}


@pytest.mark.parametrize("changes", [{}, UNIFORM])
@pytest.mark.parametrize("predictor", ["euler", "analytic"])
def test_batches_change_nothing(generator: Make, changes: dict[str, Any], predictor: str) -> None:
    model = generator(**changes)
    assert isinstance(model, TextGenerator)
    alone = run(model, 1, predictor=predictor, steps=6)
    assert len(alone) == 9
    assert _same(alone) == _same(run(model, 8, predictor=predictor, steps=6))


def test_nfe_counts_the_denoising_step_and_every_position_has_its_step(generator: Make) -> None:
    for row in run(generator(), steps=6).values():
        assert row.nfe == 7
        assert row.status == "ok"
        assert row.trace is not None
        assert all(event.event == "commit" for event in row.trace), "an absorbed token is drawn once"
        assert row.output_ids is not None
        assert max(row.output_ids) < 40, "no mask is left"
        assert row.commit_step is not None
        assert min(row.commit_step) >= 1
        assert max(row.commit_step) <= 7
        assert row.query_tokens == 7 * ((row.input_length or 0) + row.gen_length)


def test_without_steps_there_are_as_many_as_answer_tokens(generator: Make) -> None:
    assert {row.gen_length: row.nfe for row in run(generator()).values()} == {8: 9, 4: 5}


def test_on_the_uniform_graph_tokens_are_edited_and_the_trace_ends_in_the_answer(generator: Make) -> None:
    rows = run(generator(**UNIFORM), steps=12).values()
    assert any(event.event == "edit" for row in rows for event in row.trace or ())
    for row in rows:
        last = {event.position: event.token_id for event in row.trace or ()}
        assert tuple(last[i] for i in range(row.gen_length)) == row.output_ids
        assert row.commit_step is not None
        assert min(row.commit_step) >= 1


def test_a_longer_canvas_is_drawn_whole_and_cut(generator: Make) -> None:
    model = generator()
    rows = run(model, 1, canvas_length=50, steps=6)
    assert _same(rows) == _same(run(model, 8, canvas_length=50, steps=6))
    assert {len(row.output_ids or ()) for row in rows.values()} == {4, 8}
    assert {row.query_tokens for row in rows.values()} == {7 * 50}
    assert _same(rows) != _same(run(model, 1, steps=6))


def test_a_prompt_that_does_not_fit_is_a_row_of_its_own(generator: Make) -> None:
    rows = run(generator(), canvas_length=30, steps=2)
    failed = {name: row for name, row in rows.items() if row.status == "error"}
    assert set(failed) == {"t/7", "t/8"}
    assert failed["t/8"].error_kind == "too_long"
    assert failed["t/8"].error == "prompt 27 + gen_length 8 tokens is more than the 30 of the canvas"


def test_numbers_that_are_none_are_an_error_and_spare_the_others(generator: Make) -> None:
    model = generator()
    with torch.no_grad():
        model.network.vocab_embed.embedding[WORDS.index("w25")] = torch.nan
    rows = run(model, steps=3)
    hit = {s.sample_id for s in SAMPLES if "w25" in s.messages[-1]["content"].split()}
    assert hit == {name for name, row in rows.items() if row.status == "error"}
    assert 0 < len(hit) < 9
    assert {rows[name].error for name in hit} == {"NaN or infinity in the scores at step 1"}


def test_the_seed_decides(generator: Make) -> None:
    model = generator()
    assert _same(run(model)) == _same(run(model))
    other = list(model.run(SAMPLES, GenerationSettings(temperature=1.0, seed=6)))
    assert _same(run(model)) != _same({row.sample.sample_id: row for row in other})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": 0.0}, "--temperature 1"),
        ({"temperature": 1.0, "top_p": 0.9}, "no --top-p"),
        ({"temperature": 1.0, "options": {"predictor": "ddim"}}, "predictor"),
        ({"temperature": 1.0, "options": {"k": 3}}, "unknown key 'k'"),
        ({"temperature": 1.0, "options": {"canvas_length": 65}}, "has 64 positions"),
    ],
)
def test_what_the_kernels_do_not_have_is_refused(
    generator: Make, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        list(generator().run((), GenerationSettings(**settings)))
