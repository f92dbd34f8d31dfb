"""Recipes that cannot be trained are refused with file, line and reason, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbench.config import load_yaml
from pbench.errors import ConfigError
from pbench.train import Recipe

GOOD = """\
name: small
steps: 2
hidden_size: 32
num_attention_heads: 2
groups:
  - tasks: [waiting_line/copy]
    rows: 2
"""


def load(text: str, folder: Path) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return load_yaml(path, Recipe)


def test_the_good_one_is_good(tmp_path):
    assert list(load(GOOD, tmp_path).specs) == ["waiting_line/copy"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("waiting_line/copy", "waiting_line/cpy", r"recipe.yaml:6: .*mean 'waiting_line/copy'"),
        ("waiting_line/copy", "waitingline/copy", r"recipe.yaml:6: .*waitingline"),
        ("waiting_line/copy", "paraphrase_summarize/samsum", r"recipe.yaml:6: .*no training generator"),
        ("[waiting_line/copy]", "[]", r"recipe.yaml:6: .*at least 1"),
        ("waiting_line/copy]", "waiting_line/copy, puzzle/sudoku_n4_12]", r"recipe.yaml:6: .*one gen_length"),
        ("    rows: 2", "    rows: 0", r"recipe.yaml:7: .*rows"),
        ("steps: 2", "steps: 2\nstepps: 3", r"recipe.yaml:3: unknown key 'stepps' .*'steps'"),
        ("hidden_size: 32", "hidden_size: 33", "no multiple of num_attention_heads"),
        ("hidden_size: 32", "hidden_size: 0", r"recipe.yaml:3: hidden_size"),
        ("steps: 2", "steps: 2\nmax_answer_length: 8", "max_answer_length 8 is less than"),
        ("steps: 2", "steps: 2\ncheckpoint_every: 0", r"recipe.yaml:3: checkpoint_every"),
        ("steps: 2", "steps: 2\nmuon_lr: -1", r"recipe.yaml:3: muon_lr"),
        ("steps: 2", "steps: 2\nwarmup_steps: 0", r"recipe.yaml:3: warmup_steps"),
        ("steps: 2", "steps: 2\nfixed_weights: {nope: 3}", "unknown task of the recipe 'nope'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(old, new, words, tmp_path):
    with pytest.raises(ConfigError, match=words):
        load(GOOD.replace(old, new), tmp_path)


def test_no_groups_is_nothing_to_train(tmp_path):
    text = GOOD.partition("groups:")[0] + "groups: []\n"
    with pytest.raises(ConfigError, match=r"recipe.yaml:5: groups"):
        load(text, tmp_path)
