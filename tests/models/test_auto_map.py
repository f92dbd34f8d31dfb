"""Code of a checkpoint: run for those who trust it and for no one else, and held to its small contract."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from pbench.decode import Engine, EngineOptions
from pbench.decode.canvas import BatchCanvas
from pbench.decode.hosts import Here, OnRay, Processes
from pbench.errors import ArtifactError, UsageError
from pbench.models import find_model, load_model
from pbench.models.auto_map import AutoMapped
from pbench.samplers import make_sampler
from tests.models.foreign_checkpoint import write_foreign
from tests.models.random_models import folder as native_folder
from tests.models.random_models import samples

if not root.app.registered_commands:
    root._register()


@pytest.fixture(scope="module", autouse=True)
def modules(tmp_path_factory):
    """Where transformers copies code to, for all tests here: it imports from one place in a process."""
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("hf") / "modules"
        patch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(cache))
        yield


@pytest.fixture
def toy(tmp_path) -> Path:
    return write_foreign(tmp_path / "toy")


def trusting(folder: Path, family: str | None = None) -> AutoMapped:
    model = load_model(find_model(str(folder), family=family, trust_remote_code=True), "cpu")
    assert isinstance(model, AutoMapped)
    return model


def command(capsys, *arguments: str) -> tuple[int, str, str]:
    code = root._run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("family", [(), ("--family", "auto-map"), ("--family", "auto-map-shifted")])
def test_without_the_flag_nothing_is_imported(toy, capsys, family):
    for words in (["decode", "--model"], ["models", "check"], ["models", "show"]):
        code, out, err = command(capsys, *words, str(toy), *family)
        assert (code, out) == (2, "")
        assert "--trust-remote-code" in err
        assert "auto_map" in err
    assert not (toy / "sentinel").exists()


def test_with_the_flag_it_decodes_end_to_end(toy, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked = [
        "decode",
        "--model",
        str(toy),
        "--trust-remote-code",
        "--tasks",
        "copy,shuffle",
        "--limit",
        "3",
        "--k",
        "2",
    ]
    rows = {}
    for size in ("1", "4"):
        code, out, err = command(
            capsys, *asked, "--gen-length", "12", "--batch-size", size, "--out", f"{size}.parquet"
        )
        assert (code, out) == (0, f"{size}.parquet\n")  # what the code prints is not the command's result
        assert "runs its own code, not pbench's (configuration_toy.py, modeling_toy.py)" in err
        assert "hello from a model" in err or size == "4"
        found = read_rows(Path(f"{size}.parquet"), "generations")
        rows[size] = [(row.output_ids, row.commit_step, row.nfe) for row in found]
    assert rows["1"] == rows["4"]
    assert len({str(row) for row in rows["1"]}) > 1
    model = read_manifest(Path("1.parquet"))["identity"]["model"]
    assert (model["family"], set(model["files"])) == (
        "auto-map",
        {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"},
    )
    code_file = (toy / "modeling_toy.py").read_bytes()
    assert model["code"]["modeling_toy.py"] == hashlib.sha256(code_file).hexdigest()


GRID = """\
tasks: [copy]
limit: 2
matrix:
  model: [{model}]
  gen_length: 8
  sampler: [{{name: confidence, k: [2, 4]}}]
"""


@pytest.fixture
def grid(toy, tmp_path, monkeypatch):
    """A sweep file that names the toy; the current folder is new."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("grid.yaml").write_text(GRID.format(model=toy))
    return ["sweep", "grid.yaml"]


@pytest.mark.parametrize("named", [False, True])
def test_a_sweep_runs_the_code_for_those_who_trust_it_alone(grid, toy, capsys, named):
    grid += ["--model", str(toy)] if named else []
    code, out, err = command(capsys, *grid)
    assert (code, out) == (2 if named else 3, "")
    assert "--trust-remote-code" in err
    assert not (toy / "sentinel").exists()
    code, out, _ = command(capsys, *grid, "--trust-remote-code", "--dry-run", "--no-measure")
    assert (code, out) == (0, "")
    assert not (toy / "sentinel").exists()
    code, out, _ = command(capsys, *grid, "--trust-remote-code")
    assert code == 0
    swept = out.splitlines()
    assert [read_manifest(Path(path))["counts"] for path in swept] == [{"ok": 2}] * 2
    decode = ["decode", "--model", str(toy), "--trust-remote-code", "--tasks", "copy", "--limit", "2"]
    code, out, _ = command(capsys, *decode, "--gen-length", "8", "--k", "4", "--out", "alone.parquet")
    alone, same = read_manifest(Path("alone.parquet")), [read_manifest(Path(path)) for path in swept]
    assert alone["config_id"] in [each["config_id"] for each in same]


@pytest.mark.parametrize("where", [["--workers", "2"], ["--engine", "ray", "--workers", "2"]])
def test_what_a_sweep_sends_to_its_workers_is_trusted_too(grid, toy, capsys, monkeypatch, where):
    """What is sent is taken apart and put together again, and then used here."""

    def sent(_where, load, batch_size):
        return Here().open(pickle.loads(pickle.dumps(load)), batch_size)

    for place in (Processes, OnRay):
        monkeypatch.setattr(place, "open", sent)
    code, out, err = command(capsys, *grid, "--trust-remote-code", "--only", "k=4", *where)
    assert (code, len(out.splitlines())) == (0, 1), err
    assert (toy / "sentinel").exists()


def test_a_sweep_trusts_no_code_of_a_branch(grid, capsys):
    Path("grid.yaml").write_text(GRID.format(model="dream"))
    code, out, err = command(capsys, *grid, "--trust-remote-code", "--dry-run")
    assert (code, out) == (2, "")
    assert "grid.yaml:4: --trust-remote-code needs a revision: --model dream@COMMIT" in " ".join(err.split())


def test_check_and_show_name_the_code_and_do_not_run_it(toy, capsys):
    for words in (["models", "check"], ["models", "show"]):
        code, out, _ = command(capsys, *words, str(toy), "--trust-remote-code")
        assert code == 0
        assert "modeling_toy.py" in out
        assert hashlib.sha256((toy / "modeling_toy.py").read_bytes()).hexdigest() in out
    assert not (toy / "sentinel").exists()


def test_the_logits_are_the_networks_at_every_padding(toy):
    model = trusting(toy)
    prompts = [[1, 2, 3], [4, 5, 6, 7, 8, 9], [3]]
    canvas = BatchCanvas(4, model.mask_token_id, model.pad_token_id, model.device)
    canvas.extend(prompts, [[model.mask_token_id] * 4] * 3)
    positions = torch.tensor([[2, 9], [0, 6], [1, 7], [0, 8]])
    found = model.logits(canvas, positions)
    assert (found[:, model.mask_token_id] == -torch.inf).all()
    weights = load_file(toy / "model.safetensors")
    for (row, column), logits in zip(positions.tolist(), found, strict=True):
        ids = torch.tensor([*prompts[row], *[model.mask_token_id] * 4])
        x = weights["embed.weight"][ids]
        x = x + (torch.arange(len(ids)).unsqueeze(1) / torch.arange(1, 33)).sin()
        x = x + ((x @ weights["mix.weight"].T) @ x.T).softmax(-1) @ x
        wanted = (x @ weights["head.weight"].T)[column - (6 - len(prompts[row]))]
        wanted[model.mask_token_id] = -torch.inf
        torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-4)


def test_a_shifted_head_is_read_one_before(toy):
    plain, shifted = trusting(toy), trusting(toy, "auto-map-shifted")
    canvas = BatchCanvas(3, plain.mask_token_id, plain.pad_token_id, plain.device)
    canvas.extend([[1, 2], [3]], [[plain.mask_token_id] * 3] * 2)
    one_before = plain.logits(canvas, torch.tensor([[0, 1], [0, 3], [1, 1]]))
    assert torch.equal(shifted.logits(canvas, torch.tensor([[0, 2], [0, 4], [1, 2]])), one_before)
    assert shifted.identity["family"] == "auto-map-shifted"


@pytest.mark.parametrize(
    ("sampler", "options"), [("threshold", {"gamma": 0.3}), ("klass", {"gamma": 0.3}), ("remdm", {"k": 2})]
)
def test_samplers_work_on_it_at_any_batch_size(toy, sampler, options):
    model = trusting(toy)
    answers = []
    for size in (1, 3, 8):
        engine = Engine(model, make_sampler(sampler, options), 12, EngineOptions(batch_size=size))
        rows = sorted(engine.run(samples()), key=lambda row: row.sample.index)
        answers.append([(row.output_ids, row.commit_step, row.nfe) for row in rows])
    assert answers[0] == answers[1] == answers[2]


def test_what_it_cannot_do_is_said_before_work_starts(toy, capsys):
    asked = ["decode", "--model", str(toy), "--trust-remote-code", "--tasks", "copy", "--limit", "1"]
    code, _, err = command(capsys, *asked, "--sampler", "wino", "--gamma", "0.9")
    assert (code, "arbitrary attention masks" in err) == (2, True)
    code, _, err = command(capsys, *asked, "--k", "1", "--cache", "prefix")
    assert (code, "key-value cache" in err) == (2, True)


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (
            "return MaskedLMOutput(logits=logits[:, 1:])",
            r"gives logits \[1, 3, 400\]; pbench needs .*\[1, 4, 400\]",
        ),
        ("return logits[0]", r"gives logits \[4, 400\]"),
        ("return {'scores': logits}", "gives a dict without logits"),
        ("raise ValueError('no such thing\\nand more')", "its own code failed: ValueError: no such thing$"),
        ("raise SystemExit(0)", "its own code failed: SystemExit: 0$"),
        ("import flash_attn_of_nobody", "ImportError: This modeling file requires .*flash_attn_of_nobody"),
    ],
)
def test_code_that_breaks_the_contract_is_one_error(tmp_path, last, message):
    folder = write_foreign(tmp_path / "toy", last=last)
    with pytest.raises(ArtifactError, match=message) as error:
        trusting(folder)
    assert "\n" not in str(error.value)


def test_a_plain_tensor_will_do(tmp_path):
    assert trusting(write_foreign(tmp_path / "toy", last="return logits")).vocab_size == 400


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"auto_map": {"AutoTokenizer": "x.Y"}}, "has no auto_map with AutoConfig and one of"),
        ({"vocab_size": None}, "vocab_size is missing"),
        ({"vocab_size": 300}, "the tokenizer has ids up to 399"),
        ({"mask_token_id": 400}, "mask_token_id 400 is beyond"),
        ({"mask_token_id": 398}, "is the id of EOS or pad too"),
        (
            {"model": "somebody/else--modeling_toy.Toy"},
            "takes AutoModel from 'somebody/else--modeling_toy.Toy'",
        ),
        ({"model": "../x.Toy"}, "only FILE.CLASS of its own folder"),
        ({"model": "gone.Toy"}, "its own code failed: OSError"),
        ({"model": "modeling_toy.Gone"}, "its own code failed: AttributeError"),
    ],
)
def test_a_config_that_does_not_fit_is_one_error(tmp_path, change, message):
    folder = write_foreign(tmp_path / "toy", **change)
    with pytest.raises((ArtifactError, UsageError), match=message) as error:
        trusting(folder, "auto-map" if "auto_map" in change else None)
    assert "\n" not in str(error.value)


def test_tensors_that_do_not_fit_are_named(toy):
    tensors = load_file(toy / "model.safetensors")
    mix = tensors.pop("mix.weight")
    save_file(tensors, toy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ArtifactError, match=r"lacks tensors: mix\.weight"):
        trusting(toy)
    save_file(
        tensors | {"mix.weight": mix, "more": mix + 1}, toy / "model.safetensors", metadata={"format": "pt"}
    )
    with pytest.raises(ArtifactError, match="has surplus tensors: more"):
        trusting(toy)


def test_without_a_mask_token_there_is_nothing_to_decode(tmp_path):
    folder = write_foreign(tmp_path / "toy")
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end|>"}')
    with pytest.raises(ArtifactError, match="no mask_token_id, nor its tokenizer a mask_token"):
        trusting(folder)


def test_changed_code_is_another_model(toy):
    before = trusting(toy).identity
    with (toy / "modeling_toy.py").open("a") as file:
        file.write("# changed\n")
    after = trusting(toy).identity
    assert before["files"] == after["files"]
    assert before["code"] != after["code"]


def test_pickled_weights_are_read_as_tensors_only(toy):
    torch.save(load_file(toy / "model.safetensors"), toy / "pytorch_model.bin")
    whole = trusting(toy)
    (toy / "model.safetensors").unlink()
    pickled = trusting(toy)
    ids = torch.tensor([1, 2, 3])
    assert torch.equal(whole.forward(ids), pickled.forward(ids))
    assert "pytorch_model.bin" in pickled.identity["files"]


def test_logits_keep_their_dtype_which_compat_rounds_by(toy):
    half = load_model(find_model(str(toy), trust_remote_code=True), "cpu", "bfloat16")
    canvas = BatchCanvas(2, half.mask_token_id, half.pad_token_id, half.device)
    canvas.extend([[1, 2]], [[half.mask_token_id] * 2])
    assert half.logits(canvas, torch.tensor([[0, 2]])).dtype == torch.bfloat16
    assert half.identity["dtype"] == "bfloat16"


def test_two_folders_of_one_model_type_each_run_their_own_code(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = trusting(write_foreign(tmp_path / "one" / "toy"))
    second = trusting(write_foreign(tmp_path / "two" / "toy", last="return 2 * logits"))
    ids = torch.tensor([1, 2, 3])
    assert torch.equal(2 * first.forward(ids), second.forward(ids))


def test_a_family_of_ours_stays_ours(tmp_path):
    import json
    import shutil

    out = tmp_path / "llada"
    shutil.copytree(native_folder("llada"), out)
    config = json.loads((out / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "code.It"}
    (out / "config.json").write_text(json.dumps(config))
    (out / "code.py").write_text("raise SystemExit('run')")
    assert load_model(find_model(str(out), trust_remote_code=True), "cpu").family == "llada"
