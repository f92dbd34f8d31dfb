"""Weight files: whole or refused, in any number of shards, into the right places and dtype."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from pbench.errors import ArtifactError
from pbench.models import find_model, load_model, weights
from pbench.models.checkpoint import Checkpoint
from pbench.models.random_checkpoint import write_random
from pbench.models.safetensors_file import SafetensorsFile
from pbench.models.weights import Place, as_named, check_weights, fill, load_weights, weight_files
from tests.models.random_models import SIZE, TEXTS, folder, model

CPU = torch.device("cpu")


class Net(nn.Module):
    """Parameters of several shapes, made on the meta device."""

    def __init__(self):
        super().__init__()
        with torch.device("meta"):
            self.experts = nn.Parameter(torch.empty(3, 4, 2))
            self.query = nn.Parameter(torch.empty(4, 2))
            self.key = nn.Parameter(torch.empty(2, 2))
            self.scale = nn.Parameter(torch.empty(()))


def names(name: str):
    """Two experts' tensors a layer, and one tensor for queries and keys."""
    if name.startswith("expert."):
        return (Place("experts", (int(name[-1]),)),)
    if name == "query_key":
        return Place("query", rows=(0, 4)), Place("key", rows=(4, 6))
    return (Place("scale"),) if name == "scale" else None


TENSORS = {
    **{f"expert.{n}": torch.randn(4, 2) for n in range(3)},
    "query_key": torch.randn(6, 2),
    "scale": torch.tensor(2.5),
}


def saved(tmp_path, tensors, name="model.safetensors"):
    save_file({k: v.contiguous() for k, v in tensors.items()}, tmp_path / name)
    return weight_files(tmp_path)


def test_tensors_go_where_their_names_say(tmp_path):
    net = Net()
    files = saved(tmp_path, TENSORS)
    check_weights(net, files, names, tmp_path)
    load_weights(net, files, names, CPU)
    assert torch.equal(net.experts, torch.stack([TENSORS[f"expert.{n}"] for n in range(3)]))
    assert torch.equal(torch.cat([net.query, net.key]), TENSORS["query_key"])
    assert float(net.scale) == 2.5
    whole = (tmp_path / "model.safetensors").read_bytes()
    assert [file.digest() for file in files] == [hashlib.sha256(whole).hexdigest()]
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_large_tensors_come_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("pbench.models.safetensors_file._CHUNK_BYTES", 16)  # two rows
    net = Net()
    load_weights(net, saved(tmp_path, TENSORS), names, CPU)
    assert torch.equal(torch.cat([net.query, net.key]), TENSORS["query_key"])


def test_what_a_parameter_is_byte_for_byte_is_read_into_it(tmp_path, monkeypatch):
    handed_over = []
    put = weights._put
    monkeypatch.setattr(weights, "_put", lambda *given: (handed_over.append(given[1].parameter), put(*given)))
    net = Net()
    load_weights(net, saved(tmp_path, TENSORS), names, CPU)
    assert handed_over == ["query", "key"]  # one tensor of the file, taken apart
    assert torch.equal(net.experts[1], TENSORS["expert.1"])
    handed_over.clear()
    other = Net()
    load_weights(other, saved(tmp_path, {k: v.half() for k, v in TENSORS.items()}), names, CPU)
    assert sorted(handed_over) == ["experts", "experts", "experts", "key", "query", "scale"]
    assert float(other.scale) == 2.5


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_any_float_dtype_becomes_the_wanted_one(tmp_path, dtype):
    net = Net()
    load_weights(net, saved(tmp_path, {k: v.to(dtype) for k, v in TENSORS.items()}), names, CPU)
    assert net.query.dtype == torch.float32
    assert torch.equal(net.key, TENSORS["query_key"][4:].to(dtype).float())


def test_what_does_not_fit_is_one_error_that_lists_it(tmp_path):
    wrong = {
        "expert.0": TENSORS["expert.0"],
        "expert.1": torch.zeros(4, 3),
        "query_key": TENSORS["query_key"],
        "lm_tail": torch.zeros(2),
        "expert.9": torch.zeros(4, 2),
    }
    with pytest.raises(ArtifactError) as error:
        check_weights(Net(), saved(tmp_path, wrong), names, tmp_path)
    for part in ("1 missing: scale", "1 surplus: lm_tail", "expert.1 [4, 3], not [4, 2]", "expert.9"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_a_tensor_that_is_filled_in_part_is_missing(tmp_path):
    some = {k: v for k, v in TENSORS.items() if k != "expert.2"}
    with pytest.raises(ArtifactError, match="1 missing: experts"):
        check_weights(Net(), saved(tmp_path, some), names, tmp_path)


def test_a_tensor_in_two_files_is_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    saved(tmp_path / "a", TENSORS, "one.safetensors")
    files = saved(tmp_path / "a", {"scale": TENSORS["scale"]}, "two.safetensors")
    with pytest.raises(ArtifactError, match="scale"):
        check_weights(Net(), files, names, tmp_path)


def test_shards_and_one_file_are_the_same_model(tmp_path):
    out = tmp_path / "llada"
    shutil.copytree(folder("llada"), out)
    tensors = load_file(out / "model.safetensors")
    (out / "model.safetensors").unlink()
    order = sorted(tensors)
    weight_map = {name: f"part-{n % 3}.safetensors" for n, name in enumerate(order)}
    for part in set(weight_map.values()):
        save_file({name: tensors[name] for name in order if weight_map[name] == part}, out / part)
    (out / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    whole, sharded = model("llada"), load_model(find_model(str(out)), "cpu")
    for (name, left), (_, right) in zip(
        whole.network.named_parameters(), sharded.network.named_parameters(), strict=True
    ):
        assert torch.equal(left, right), name
    (out / "part-1.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"lacks weight files.*part-1\.safetensors"):
        load_model(find_model(str(out)), "cpu")


def test_random_checkpoints_can_be_sharded(tmp_path):
    from dataclasses import replace

    write_random("sdar", tmp_path / "s", TEXTS, replace(SIZE, shards=3))
    assert len(list((tmp_path / "s").glob("model-0000?-of-00003.safetensors"))) == 3
    files = load_model(find_model(str(tmp_path / "s")), "cpu").identity["files"]
    assert sum(name.endswith(".safetensors") for name in files) == 3


@pytest.mark.parametrize("cut", [0, 5, 8, 200, -1])
def test_a_truncated_file_is_refused_before_anything_is_loaded(tmp_path, cut):
    files = saved(tmp_path, TENSORS)
    content = files[0].path.read_bytes()
    files[0].path.write_bytes(content[:cut])
    with pytest.raises(ArtifactError, match=r"model\.safetensors: .*truncated or corrupt"):
        SafetensorsFile(files[0].path)


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        b"[]",
        b'{"a": 3}',
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},'
        b' "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
        b'{"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 8]}}',
    ],
)
def test_a_corrupt_header_is_refused(tmp_path, header):
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 8)
    with pytest.raises(ArtifactError, match="truncated or corrupt"):
        SafetensorsFile(path)


def test_a_dtype_that_is_no_plain_float_is_refused(tmp_path):
    save_file({"a": torch.zeros(2, dtype=torch.int8)}, tmp_path / "model.safetensors")
    with pytest.raises(ArtifactError, match="tensor a is I8"):
        weight_files(tmp_path)


def test_pickles_are_refused_unless_they_are_trusted(tmp_path):
    torch.save(TENSORS, tmp_path / "pytorch_model.bin")
    with pytest.raises(ArtifactError, match="--trust-remote-code"):
        weight_files(tmp_path)
    net = Net()
    digests = fill(net, Checkpoint("x", tmp_path, trusted=True), names, CPU)
    assert torch.equal(net.query, TENSORS["query_key"][:4])
    assert list(digests) == ["pytorch_model.bin"]


def test_a_trusted_pickle_still_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "was-here"), "w"))

    torch.save({"a": Evil()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ArtifactError, match=r"pytorch_model\.bin"):
        weight_files(tmp_path, pickles=True)
    assert not (tmp_path / "was-here").exists()


def test_a_folder_without_weights_says_so(tmp_path):
    with pytest.raises(ArtifactError, match="holds no weights"):
        weight_files(tmp_path)


@pytest.mark.parametrize("content", ["nonsense", "{}", '{"weight_map": {"a": "../../else.safetensors"}}'])
def test_a_broken_index_is_refused(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ArtifactError, match=r"index\.json"):
        weight_files(tmp_path)


def test_position_tables_of_older_files_are_not_needed():
    assert as_named("model.layers.0.self_attn.rotary_emb.inv_freq") == ()


def test_on_meta_nothing_is_held_and_everything_is_checked(tmp_path):
    saved(tmp_path, TENSORS)
    net = Net()
    digests = fill(net, Checkpoint("x", tmp_path), names, torch.device("meta"))
    assert net.query.is_meta
    assert list(digests) == ["model.safetensors"]
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(ArtifactError):
        fill(Net(), Checkpoint("x", tmp_path), names, torch.device("meta"))


def test_the_weights_of_a_hub_repository_need_not_be_there_to_look_at_the_rest(tmp_path):
    checkpoint = Checkpoint("x", tmp_path, hub="somebody/x", revision="0" * 40)
    assert fill(Net(), checkpoint, names, torch.device("meta")) == {}
    with pytest.raises(ArtifactError, match="holds no weights"):
        fill(Net(), checkpoint, names, CPU)
