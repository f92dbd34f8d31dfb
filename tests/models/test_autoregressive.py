"""`hf:` models on small random checkpoints: transformers' own answers, any batch, own random numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from pbench.decode.canvas import BatchCanvas
from pbench.errors import ArtifactError, UsageError
from pbench.interfaces import GenerationSettings, TextGenerator, Verifier
from pbench.models import find_model, load_model
from pbench.tasks import generate, load_suite
from tests.models.autoregressive_checkpoints import write

if not root.app.registered_commands:
    root._register()

GREEDY = GenerationSettings(batch_size=8)
DRAWN = GenerationSettings(temperature=1.0, batch_size=8)


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def folder(request, tmp_path_factory):
    return write(tmp_path_factory.mktemp("ar") / request.param, request.param)


@pytest.fixture(scope="module")
def model(folder):
    return load_model(find_model(f"hf:{folder}"), "cpu")


def samples(count: int = 10, gen_length: int = 12):
    spec = load_suite("waiting_line").tasks[0]
    every = list(generate(spec))[:: 100 // count][:count]
    return [replace(each, gen_length=gen_length + each.index % 3) for each in every]


def answers(model, settings, of=None):
    rows = sorted(model.run(of or samples(), settings), key=lambda row: row.sample.index)
    return [(row.output_ids, row.status, row.nfe, row.output_text) for row in rows]


def test_it_is_a_text_generator_and_a_verifier_with_a_known_identity(model, folder):
    assert isinstance(model, TextGenerator)
    assert isinstance(model, Verifier)
    assert model.identity["family"] == "hf"
    assert model.identity["dtype"] == "float32"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(model.identity["files"])
    assert load_model(find_model(f"hf:{folder}"), "meta").identity == model.identity


def test_greedy_answers_are_those_of_transformers_generate(model, folder):
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(folder)
    for sample, (ids, status, nfe, _) in zip(samples(), answers(model, GREEDY), strict=True):
        prompt = torch.tensor([model.encode(sample)])
        found = network.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=sample.gen_length, do_sample=False
        )
        assert found[0, prompt.shape[1] :].tolist() == list(ids)
        assert nfe == len(ids)
        assert status == ("truncated" if ids[-1] not in model.ends else "ok")


@pytest.mark.parametrize("settings", [GREEDY, DRAWN, replace(DRAWN, top_p=0.9, top_k=50)])
def test_the_batch_decides_nothing(model, settings):
    alone = answers(model, replace(settings, batch_size=1))
    assert answers(model, settings) == alone
    assert sorted(answers(model, replace(settings, batch_size=3), samples()[::-1])) == sorted(alone)
    assert len({ids for ids, *_ in alone}) > 5


def test_draws_depend_on_the_seed_and_greedy_answers_do_not(model):
    assert answers(model, replace(DRAWN, seed=1)) != answers(model, DRAWN)
    assert answers(model, replace(GREEDY, seed=1)) == answers(model, GREEDY)
    assert answers(model, replace(DRAWN, top_k=1)) == answers(model, GREEDY)


def test_an_answer_ends_at_an_end_token_and_costs_one_pass_a_token(folder):
    model = load_model(find_model(f"hf:{folder}"), "cpu")
    whole = {row.sample.index: row for row in model.run(samples(), GREEDY)}
    common = Counter(row.output_ids[4] for row in whole.values()).most_common(1)[0][0]
    model.ends = {*model.ends, common}
    for row in model.run(samples(), GREEDY):
        full = whole[row.sample.index].output_ids
        if common in full:
            stop = full.index(common)
            assert row.output_ids == full[: stop + 1]
            assert (row.content_length, row.nfe, row.gen_length) == (stop, stop + 1, stop + 1)
            assert row.status in ("ok", "empty")
            assert row.commit_step == tuple(range(1, stop + 2))
            assert row.query_tokens == row.input_length + stop
        else:
            assert row.status == "truncated"


def test_without_a_chat_template_the_messages_stand_as_they_are(tmp_path):
    model = load_model(find_model(f"hf:{write(tmp_path / 'base', template=None)}"), "cpu")
    sample = samples(1)[0]
    text = "".join(message["content"] + "\n\n" for message in sample.messages)
    assert model.tokens.decode(model.encode(sample)) == text


def test_a_prompt_that_does_not_fit_is_a_row_and_the_others_go_on(model):
    long = replace(samples(2)[0], gen_length=2000)
    rows = {row.sample.gen_length: row for row in model.run([long, samples(2)[1]], GREEDY)}
    assert rows[2000].error_kind == "too_long"
    assert "2000" in rows[2000].error
    assert len(rows) == 2


def test_logits_that_are_not_finite_are_an_error_row(model, monkeypatch):
    network, calls = model._network, []

    def broken(**asked):
        output = network(**asked)
        calls.append(len(output.logits))
        if len(calls) == 3:
            output.logits[1] = torch.nan
        return output

    monkeypatch.setattr(model, "_network", broken)
    rows = list(model.run(samples(4), GREEDY))
    assert sorted(row.status for row in rows).count("error") == 1
    failed = rows[0]
    assert (failed.error_kind, failed.nfe) == ("non_finite", 2)
    assert calls[2:4] == [4, 3]


def test_log_probs_are_those_of_the_tokens_before(model):
    """Rows of different lengths beside each other, against one plain forward pass each."""
    canvas = BatchCanvas(6, 599, 597, torch.device("cpu"))
    prompts = [model.encode(sample)[:length] for sample, length in zip(samples(3), (5, 20, 9), strict=True)]
    drafts = [[10 + row, 11, 12, 599, 599, 599] for row in range(3)]
    canvas.extend(prompts, drafts)
    positions = torch.tensor([[0, canvas.answer_start], [1, canvas.answer_start + 2], [2, canvas.length - 1]])
    found = model.log_probs(canvas, positions)
    for place, (row, column) in enumerate(positions.tolist()):
        before = prompts[row] + drafts[row][: column - canvas.answer_start]
        logits = model._network(torch.tensor([before])).logits[0, -1]
        assert torch.allclose(found[place], logits.log_softmax(0), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (GenerationSettings(top_k=3), "needs --temperature above 0"),
        (GenerationSettings(temperature=1, top_p=1.5), "at most 1"),
        (GenerationSettings(options={"steps": 3}), "unknown key 'steps'"),
    ],
)
def test_settings_that_cannot_be(model, settings, words):
    with pytest.raises(UsageError, match=words):
        next(model.run((), settings))


def test_what_is_no_checkpoint_is_one_error(tmp_path):
    folder = write(tmp_path / "broken")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ArtifactError, match=r"model\.safetensors"):
        load_model(find_model(f"hf:{folder}"), "cpu")
    (folder / "config.json").write_text('{"model_type": "llada", "vocab_size": 600}')
    with pytest.raises(UsageError, match="not in transformers"):
        load_model(find_model(f"hf:{folder}"), "cpu")
    with pytest.raises(UsageError, match="unknown model"):
        find_model(f"hf:{tmp_path / 'nothing'}")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_decode_end_to_end(folder, elsewhere, capsys):
    command = ["decode", "--model", f"hf:{folder}", "--tasks", "copy", "--limit", "6"]
    assert root._run([*command, "--gen-length", "8", "--out", "a.parquet"]) == 0
    manifest, rows = (
        read_manifest(elsewhere / "a.parquet"),
        list(read_rows(elsewhere / "a.parquet", "generations")),
    )
    assert manifest["identity"]["sampler"] is None
    assert manifest["identity"]["dtype"] == "float32"
    assert len(rows) == 6
    assert all(row.nfe == len(row.output_ids) == row.gen_length <= 8 for row in rows)
    for option in (["--sampler", "threshold"], ["--block-length", "8"], ["--infill"], ["--cache", "dual"]):
        assert root._run([*command, *option]) == 2
        assert f"{option[0]} is for masked-diffusion models" in capsys.readouterr().err
    assert root._run([*command, "--k", "2"]) == 2
    assert "--k is no option of decode" in capsys.readouterr().err


def test_pickled_weights_are_for_those_who_trust_them(tmp_path):
    from safetensors.torch import load_file

    folder = write(tmp_path / "twin")
    whole = load_model(find_model(f"hf:{folder}"), "cpu")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match="say --trust-remote-code"):
        load_model(find_model(f"hf:{folder}"), "meta")
    pickled = load_model(find_model(f"hf:{folder}", trust_remote_code=True), "cpu")
    assert answers(pickled, GREEDY, samples(2)) == answers(whole, GREEDY, samples(2))
