"""`--gpus`, `--device`, `--workers`: what contradicts itself or is not there is refused."""

from __future__ import annotations

import pytest
import torch

from pbench.decode.devices import chosen_devices
from pbench.errors import UsageError


def test_nothing_asked_for_is_this_process():
    assert chosen_devices([], None, None) == []
    assert chosen_devices([], "cpu", None) == []
    assert chosen_devices([], None, 3) == ["cpu"] * 3


def test_one_worker_on_each_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert chosen_devices(["0", "1"], None, None) == ["cuda:0", "cuda:1"]
    assert chosen_devices([], "cuda:1", 2) == ["cuda:1", "cuda:1"]
    with pytest.raises(UsageError, match="there is no GPU 2; this machine has 0 to 1"):
        chosen_devices(["0", "2"], None, None)
    with pytest.raises(UsageError, match="there is no GPU 5"):
        chosen_devices([], "cuda:5", None)


@pytest.mark.parametrize(
    ("gpus", "device", "workers", "words"),
    [
        (["0"], "cpu", None, "both say where"),
        (["0"], None, 2, "drop --workers"),
        (["a"], None, None, "is no number of a GPU"),
        (["-1"], None, None, "is no number of a GPU"),
        (["0", "0"], None, None, "named twice"),
        ([], "gpu", None, "is no device"),
        ([], "meta", None, "nothing can be computed there"),
        ([], "privateuseone", None, "cannot be used here"),
    ],
)
def test_contradictions(gpus, device, workers, words):
    with pytest.raises(UsageError, match=words):
        chosen_devices(gpus, device, workers)


def test_no_cuda_at_all(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for asked in ((["0"], None, None), ([], "cuda:0", None), ([], "cuda", 2)):
        with pytest.raises(UsageError, match="no CUDA device on this machine"):
            chosen_devices(*asked)
