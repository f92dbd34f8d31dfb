"""PC-Sampler: scores worked out by hand, its equivalence, its table as an option."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import ArtifactError, UsageError
from pbench.samplers import make_sampler
from pbench.samplers.frequencies import FrequencyTable, write_table
from tests.samplers.plays import Play
from tests.samplers.steps import MadeStep

# Of 10 tokens 5 has f = 1/4 (1.386 nats), 6 has 3/4 (0.288), all others 1/10 (2.303).
TABLE = FrequencyTable(model="m", tokenizer="t", vocab_size=10, source="test", counts={5: 1, 6: 3})
EQUAL = FrequencyTable(model="m", tokenizer="t", vocab_size=10, source="test", counts={5: 1, 6: 1})
LN2 = math.log(2)


def _step(confidence: list[float | None], tokens: list[int]) -> MadeStep:
    step = MadeStep([confidence])
    step.proposal = torch.tensor([tokens])
    return step


@pytest.mark.parametrize(
    ("options", "scores"),
    [
        ({"decay": 0}, [0.14384, 1.10904, 0.92103]),
        ({"decay": LN2}, [0.14384, 0.55452, 0.23026]),
        ({"decay": LN2, "clip": 0.5}, [0.14384, 0.25, 0.125]),
        ({}, [0.14384, 0.86371, 0.55864]),  # e^-0.25 and e^-0.5
    ],
)
def test_scores_by_hand(options, scores):
    sampler = make_sampler("pc", {"k": 1, "frequencies": TABLE, **options})
    found = sampler.score(_step([0.5, 0.8, 0.4], [6, 5, 7]))
    assert found[0].tolist() == pytest.approx(scores, abs=1e-5)


def test_commits_the_best_scores_at_its_pace():
    sampler = make_sampler("pc", {"k": 2, "decay": LN2, "frequencies": TABLE})
    play = Play(sampler, lambda n: [0.5, 0.8, 0.4, 0.4, 0.1], tokens=lambda n: [6, 5, 7, 7, 7])
    assert play.commits == [[1, 2], [0, 3], [4]]


def test_ids_beyond_the_table_are_unseen_tokens():
    table = TABLE.model_copy(update={"counts": {5: 1, 9: 3}})  # 9 is the last one of the table
    sampler = make_sampler("pc", {"k": 1, "decay": 0, "frequencies": table})
    unseen, last, *beyond = sampler.score(_step([0.5] * 4, [7, 9, 10, 4096]))[0].tolist()
    assert beyond == [unseen, unseen]
    assert last < unseen


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.integers(1, 20))
def test_without_decay_and_with_equal_frequencies_it_is_confidence(scores, k):
    even = make_sampler("pc", {"k": k, "decay": 0, "frequencies": EQUAL})
    assert (
        Play(even, lambda n: scores).frames
        == Play(make_sampler("confidence", {"k": k}), lambda n: scores).frames
    )


def test_the_identity_has_the_tables_hash_and_not_its_place(tmp_path: Path):
    paths = [write_table(TABLE, tmp_path / name) for name in ("a.json", "b.json")]
    dumps = [
        make_sampler("pc", {"k": 1, "frequencies": str(path)}).options.model_dump(mode="json")
        for path in paths
    ]
    assert dumps[0] == dumps[1]
    assert dumps[0]["frequencies"] == TABLE.hash[:16] != EQUAL.hash[:16]
    spaced = make_sampler("pc", {"k": 1, "frequencies": str(paths[0]), "min_gap": 2})
    assert spaced.options.model_dump(mode="json") == dumps[0] | {"min_gap": 2}


def test_no_table_is_one_clear_error_before_any_forward():
    with pytest.raises(UsageError, match="pbench samplers frequencies"):
        make_sampler("pc", {"k": 1}).check(32, 8)
    with pytest.raises(UsageError, match="--k 9"):
        make_sampler("pc", {"k": 9, "frequencies": TABLE}).check(32, 8)
    with pytest.raises(ArtifactError, match=r"nowhere\.json"):
        make_sampler("pc", {"k": 1, "frequencies": "nowhere.json"})
