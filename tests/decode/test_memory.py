"""Batch sizes: what fits is measured or reckoned, what runs out of memory is known as such."""

from __future__ import annotations

import pytest
import torch

from pbench.decode import memory
from pbench.decode.memory import available_bytes, largest_batch, out_of_memory, rows_that_fit
from tests.scripted import sample


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("size mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_running_out_of_memory_is_told_from_other_errors(error, expected):
    assert out_of_memory(error) is expected


def test_a_real_allocation_that_cannot_be_is_one_of_them():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("base", "each", "free", "most", "rows"),
    [(100, 10, 1000, 512, 90), (100, 10, 1000, 50, 50), (900, 200, 1000, 512, 1), (5, 0, 10, 32, 32)],
)
def test_the_line_through_two_measured_peaks(base, each, free, most, rows):
    asked = []

    def peak(count: int) -> int:
        asked.append(count)
        return base + each * count

    assert rows_that_fit(peak, free, most) == rows
    assert asked == [1, 4]


def test_a_probe_that_runs_out_of_memory_says_that_one_row_fits():
    def peak(count: int) -> int:
        if count > 1:
            raise torch.OutOfMemoryError("no")
        return 10

    assert rows_that_fit(peak, 100, 512) == 1
    assert rows_that_fit(peak, 100, 1) == 1


class Sized:
    device = "cpu"

    def __init__(self, row_bytes: int):
        self.bytes = row_bytes

    def row_bytes(self, samples) -> int:
        return self.bytes


def test_on_the_processor_half_of_what_is_free_is_shared_by_the_workers(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    samples = [sample(i) for i in range(100)]
    assert largest_batch(Sized(50), samples) == 10
    assert largest_batch(Sized(50), samples, sharers=2) == 5
    assert largest_batch(Sized(5000), samples) == 1
    assert largest_batch(Sized(1), samples) == 64
    assert largest_batch(Sized(1), samples[:3]) == 3


def test_free_memory_is_what_the_control_group_leaves(tmp_path):
    assert 2**20 < available_bytes() < 2**50
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert memory._group_free(tmp_path) == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._group_free(tmp_path) is None
    assert memory._group_free(tmp_path / "none") is None
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:      3 kB\n")
    assert memory._meminfo(tmp_path / "meminfo") == 3072
