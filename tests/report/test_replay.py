"""The replay as text and as data."""

import math
from dataclasses import replace

from pbench.records import TraceEvent
from pbench.report.replay import MOST_FRAMES, head_lines, replay_json, replay_text, stride
from tests.report.made_traces import (
    EOS,
    HOSTILE,
    RIGHT,
    TOKENS,
    generation,
    remasked,
    sample,
    traced,
)


def plain(row, steps=range(10)):
    return replay_text(row, TOKENS, steps, coloured=False).plain


def frame(text, step):
    """The two or more lines of one step."""
    return text.split(f"step {step}/")[1].split("\n\n")[0].splitlines()


def test_every_step_shows_what_it_wrote():
    text = plain(generation(sample(0)))
    assert frame(text, 0)[1] == "  ░░░░░░"
    assert frame(text, 1) == ["3  +2, 2 of 6 set", '  «["»«Ada»░░░░', "  wrote 0 '[\"' 0.900 | 1 'Ada' 0.890"]
    assert frame(text, 3)[1] == '  ["Ada", "Bob«"]»«·»'
    assert frame(text, 3)[2] == "  wrote 4 '\"]' 0.860 | 1 × end 0.850"
    assert "Kendall tau 0.89" in text
    assert "tokens in a step: 2 (3×)" in text


def test_what_was_taken_back_is_marked():
    text = plain(remasked(sample(0)))
    assert frame(text, 1)[1] == '  «["»«Cy»«", "»«Bob»░░'
    assert frame(text, 2)[:2] == ["4  +1, 1 taken back, 4 of 6 set", '  ["×", "Bob«"]»░']
    assert frame(text, 2)[3] == "  took back 1 'Cy'"
    assert frame(text, 4)[1] == '  ["«Ada»", "Bob"]·'


def test_only_the_steps_asked_for():
    text = plain(generation(sample(0)), [2])
    assert "step 2/3" in text
    assert "step 1/3" not in text


def test_given_positions_stand_from_the_start_and_edits_are_named():
    row = traced(
        sample(0), RIGHT, [TraceEvent(1, 1, 8, 0.5, "commit"), TraceEvent(2, 1, 6, math.nan, "edit")]
    )
    text = plain(row)
    assert frame(text, 0)[1] == '  ["░", "Bob"]·'
    assert frame(text, 1)[1] == '  ["«Cy»", "Bob"]·'
    assert frame(text, 2)[2] == "  wrote 1 'Ada' rewritten -"


def test_coloured_text_styles_what_is_new():
    text = replay_text(generation(sample(0)), TOKENS, [1], coloured=True)
    assert "«" not in text.plain
    styles = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
    assert styles["Ada"].startswith("bold underline #")


def test_hostile_tokens_stay_on_their_line():
    row = generation(sample(0, prompt=HOSTILE[2]), (3, 22, 4, 21, 5, EOS))
    text = plain(row) + "\n".join(head_lines(row, HOSTILE[2]))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31m\\u202e\\u2028" in text
    assert HOSTILE[1] in text


def test_unknown_tokens_are_numbers():
    assert TOKENS.text(999) == "⟨999⟩"
    assert TOKENS.text(EOS) == "⟨eos⟩"


def test_head():
    lines = head_lines(generation(sample(4)), "tiny · confidence")
    assert lines[0] == "lists/copy/4 · tiny · confidence · 6 positions in 3 steps, 2.00 tokens per step"
    assert lines[1].startswith("prompt: Copy number 4")
    assert lines[2] == 'reference: ["Ada","Bob"]'
    failed = replace(generation(sample(4)), status="error", error="NaN", nfe=None)
    assert head_lines(failed, "x")[-1] == "status: error: NaN"
    assert "? steps" in head_lines(failed, "x")[0]


def test_stride():
    assert stride(MOST_FRAMES) == 1
    assert stride(MOST_FRAMES + 1) == 2
    assert stride(0) == 1


def test_json():
    data = replay_json(remasked(sample(0)), TOKENS, "run")
    assert [step["step"] for step in data["steps"]] == [0, 1, 2, 3, 4]
    assert data["steps"][2]["answer"] == ['["', None, '", "', "Bob", '"]', None]
    back = data["steps"][2]["changes"][-1]
    assert back == {"event": "remask", "position": 1, "token_id": 8, "token": "Cy", "confidence": None}
    assert data["steps"][4]["answer"][1] == "Ada"
    assert data["kendall"] is not None
