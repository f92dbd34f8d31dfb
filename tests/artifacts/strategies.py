"""Hypothesis strategies for the three records; every value can stand in a file as it is."""

from __future__ import annotations

import math
from typing import Any, get_args

from hypothesis import strategies as st

from pbench.records import EventKind, Generation, Sample, Score, Status, TraceEvent

int64 = st.integers(-(2**63), 2**63 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
text = st.text(max_size=20) | st.sampled_from(
    ["", "\0", "\0a\0", '"\\n"', "\r\n\u2028", "🙂🏽", "\uffff", "ß\u0301"]
)
real = st.floats(allow_nan=False, allow_infinity=False)
confidence = st.just(math.nan) | st.floats(width=32, allow_nan=False, allow_infinity=False)
json_value: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | int64 | real | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
message = st.fixed_dictionaries({"role": text, "content": text})
status = st.sampled_from(get_args(Status))


def many(item: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(item, max_size=4).map(tuple)


events = st.builds(TraceEvent, int32, int32, int32, confidence, st.sampled_from(get_args(EventKind)))
maybe_int = st.none() | int64
maybe_text = st.none() | text

samples = st.builds(
    Sample,
    sample_id=text,
    task=text,
    category=text,
    index=int64,
    messages=st.lists(message, max_size=3).map(tuple),
    answer=json_value,
    gen_length=int64,
    metric=text,
    headline=text,
    output_format=many(text),
    metadata=st.dictionaries(text, json_value, max_size=3),
)


@st.composite
def generations(draw: st.DrawFn) -> Generation:
    length = draw(int64)
    sample = draw(samples.map(lambda made: _with(made, gen_length=length, output_format=None)))
    return Generation(
        sample=sample,
        gen_length=length,
        status=draw(status),
        output_text=draw(text),
        error_kind=draw(maybe_text),
        error=draw(maybe_text),
        output_ids=draw(many(int32)),
        commit_step=draw(many(int32)),
        trace=draw(many(events)),
        seconds=draw(st.none() | real),
        seed=draw(int64),
        attempt=draw(int64),
        usage=draw(st.none() | st.dictionaries(text, int64, max_size=3)),
        **{name: draw(maybe_int) for name in MAYBE_INTS},
    )


MAYBE_INTS = (
    "input_length", "block_length", "content_length", "nfe", "nfe_prefill", "nfe_store", "nfe_aux",
    "query_tokens", "kv_tokens",
)  # fmt: skip

scores = st.builds(
    Score,
    sample_id=text,
    task=text,
    category=text,
    index=int64,
    status=status,
    output_text=text,
    metric=text,
    headline=text,
    metric_version=text,
    values=st.dictionaries(text, st.none() | real, max_size=3),
    reasons=st.dictionaries(text, text, max_size=3),
    error_kind=maybe_text,
    nfe=maybe_int,
    query_tokens=maybe_int,
    gen_length=maybe_int,
    block_length=maybe_int,
    content_length=maybe_int,
    seconds=st.none() | real,
)

records = {"samples": samples, "generations": generations(), "scores": scores}


def _with(record: Sample, **changes: Any) -> Sample:
    from dataclasses import replace

    return replace(record, **changes)
