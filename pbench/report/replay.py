"""The unmasking of one answer as text: the answer after each step, and the confidence of each commit.

Model text is cleaned before it is styled, so that no token can write escapes to the terminal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pbench.records import Generation, TraceEvent
from pbench.report.formats import clean
from pbench.report.tokens import TokenTexts
from pbench.traces import Frame, TraceSummary, frames, gap_of_steps, last_step, summarise

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["MOST_FRAMES", "head_lines", "replay_json", "replay_text", "stride"]

MOST_FRAMES = 40  # printed unless more are asked for; of a longer replay every n-th step
_MASK, _BACK, _END = "░", "×", "·"
_COLOURS = ("#3b82f6", "#0ea5e9", "#14b8a6", "#84a017", "#d99a1c", "#e8590c")  # first step to last


def stride(steps: int) -> int:
    """Show every n-th step, so that there are at most MOST_FRAMES."""
    return max(1, math.ceil(steps / MOST_FRAMES))


def head_lines(generation: Generation, name: str) -> list[str]:
    """What was asked and how it went: sample, run, counts, prompt, reference."""
    sample, nfe = generation.sample, generation.nfe
    speed = f", {generation.gen_length / nfe:.2f} tokens per step" if nfe else ""
    counts = f"{generation.gen_length} positions in {nfe if nfe is not None else '?'} steps{speed}"
    prompt = sample.messages[-1]["content"] if sample.messages else ""
    lines = [
        f"{sample.sample_id} · {name} · {counts}",
        f"prompt: {prompt}",
        f"reference: {_plain(sample.answer)}",
    ]
    if generation.status != "ok":
        lines.append(f"status: {generation.status}: {generation.error or generation.error_kind or ''}")
    return [clean(line) for line in lines]


def replay_text(generation: Generation, tokens: TokenTexts, steps: Iterable[int], coloured: bool) -> Text:
    """The answer after each of `steps` (0 = before the first) with what the step changed.

    What a step wrote is bold in `coloured` text and stands in « » otherwise.
    """
    from rich.text import Text

    wanted, last = set(steps), last_step(generation.trace or ())
    bits = _bits(generation)
    text = Text()
    for frame in _held(generation, last):
        if frame.step in wanted:
            counted = f"{_counted(frame)}{_gap_text(bits, frame.step)}"
            text.append(f"\nstep {frame.step}/{last}  {counted}\n", "dim" if coloured else "")
            text.append_text(_strip(frame, generation, tokens, last, coloured))
            for line in _changes(frame, tokens):
                text.append(f"\n  {line}", "dim" if coloured else "")
            text.append("\n")
    summary = summarise(generation)
    if summary is not None:
        text.append(f"\n{_summary(summary)}")
    if bits:
        meaning = "0 = the tokens of a step do not matter to each other"
        text.append(f"\ndependency gap: {_shown_bits(_total(bits))} ({meaning})")
    return text


def replay_json(generation: Generation, tokens: TokenTexts, name: str) -> dict[str, Any]:
    """The replay as data: `steps` [{step, changes, answer}], masked positions null, and the order."""
    summary, bits = summarise(generation), _bits(generation)
    return {
        "sample_id": generation.sample.sample_id,
        "run": name,
        "status": generation.status,
        "gen_length": generation.gen_length,
        "nfe": generation.nfe,
        "output_text": generation.output_text,
        "steps": [_frame_json(frame, tokens) | _gap_json(bits, frame.step) for frame in frames(generation)],
        "gap_bits": _total(bits),
        "nfe_gap": generation.nfe_gap,
        "kendall": None if summary is None else summary.content.kendall,
        "spearman": None if summary is None else summary.content.spearman,
        "local_arness": None if summary is None else summary.local_arness,
        "global_arness": None if summary is None else summary.global_arness,
    }


def _bits(generation: Generation) -> dict[int, float | None] | None:
    """Dependency gap by step; None where it was not measured."""
    return None if generation.gap is None else gap_of_steps(generation.trace or (), generation.gap)


def _total(bits: dict[int, float | None] | None) -> float | None:
    """Of the whole answer; None where a step is unknown."""
    known = [value for value in (bits or {}).values() if value is not None]
    return sum(known) if bits is not None and len(known) == len(bits) else None


def _gap_json(bits: dict[int, float | None] | None, step: int) -> dict[str, Any]:
    return {} if bits is None else {"gap_bits": bits.get(step)}


def _gap_text(bits: dict[int, float | None] | None, step: int) -> str:
    return "" if bits is None or step not in bits else f", gap {_shown_bits(bits[step])}"


def _shown_bits(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:+z.2f} bits".replace("+0.00", "0.00")


def _held(generation: Generation, last: int) -> Iterator[Frame]:
    """A frame for each step; where nothing changed, the one before without changes."""
    by_step = {frame.step: frame for frame in frames(generation)}
    frame = by_step[0]
    for step in range(last + 1):
        frame = by_step.get(step) or Frame(step, frame.tokens)
        yield frame


def _frame_json(frame: Frame, tokens: TokenTexts) -> dict[str, Any]:
    return {
        "step": frame.step,
        "answer": [None if token is None else tokens.text(token) for token in frame.tokens],
        "changes": [
            {
                "event": event.event,
                "position": event.position,
                "token_id": event.token_id,
                "token": tokens.text(event.token_id),
                "confidence": event.confidence if math.isfinite(event.confidence) else None,
            }
            for event in frame.changes
        ],
    }


def _strip(frame: Frame, generation: Generation, tokens: TokenTexts, last: int, coloured: bool) -> Text:
    """The answer as a line of tokens, those of the steps so far in the colours of their steps."""
    from rich.text import Text

    since = _written(generation, frame.step)
    new = {event.position for event in frame.changes if event.event != "remask"}
    back = {event.position for event in frame.changes if event.event == "remask"}
    line = Text("  ")
    for place, token in enumerate(frame.tokens):
        if token is None:
            mark = _BACK if place in back else _MASK
            line.append(mark, ("bold red" if place in back else "dim") if coloured else "")
            continue
        shown = _END if tokens.is_end(token) else _piece(tokens.text(token))
        if not coloured:
            line.append(f"«{shown}»" if place in new else shown)
        else:
            style = _colour(since.get(place, 0), last)
            line.append(shown, f"bold underline {style}" if place in new else style)
    return line


def _written(generation: Generation, step: int) -> dict[int, int]:
    """Position -> the step that wrote what stands there after `step`."""
    return {event.position: event.step for event in generation.trace or () if event.step <= step}


def _colour(step: int, last: int) -> str:
    """Early steps blue, late ones orange; what was given has no colour."""
    if step == 0:
        return ""
    return _COLOURS[round((step - 1) / max(last - 1, 1) * (len(_COLOURS) - 1))]


def _counted(frame: Frame) -> str:
    back = sum(event.event == "remask" for event in frame.changes)
    taken = f", {back} taken back" if back else ""
    done = sum(token is not None for token in frame.tokens)
    return f"+{len(frame.changes) - back}{taken}, {done} of {len(frame.tokens)} set"


def _changes(frame: Frame, tokens: TokenTexts) -> Iterator[str]:
    """What a step wrote with its confidences, and what it took back; ends of the answer as one item."""
    ends = [e for e in frame.changes if e.event != "remask" and tokens.is_end(e.token_id)]
    content = [e for e in frame.changes if e.event != "remask" and not tokens.is_end(e.token_id)]
    items = [_change(event, tokens) for event in content]
    if ends:
        items.append(f"{len(ends)} × end {_range([event.confidence for event in ends])}")
    if items:
        yield "wrote " + " | ".join(items)
    back = [f"{e.position} {_quoted(tokens, e)}" for e in frame.changes if e.event == "remask"]
    if back:
        yield "took back " + " | ".join(back)


def _change(event: TraceEvent, tokens: TokenTexts) -> str:
    again = " rewritten" if event.event == "edit" else ""
    return f"{event.position} {_quoted(tokens, event)}{again} {_range([event.confidence])}"


def _quoted(tokens: TokenTexts, event: TraceEvent) -> str:
    return f"'{_piece(tokens.text(event.token_id))}'"


def _range(confidences: Sequence[float]) -> str:
    known = [f"{value:.3f}" for value in sorted(confidences) if math.isfinite(value)]
    if not known:
        return "-"
    return known[0] if known[0] == known[-1] else f"{known[0]}–{known[-1]}"


def _piece(text: str) -> str:
    """A token's text on one line: spaces stay, other white space and control characters show."""
    return "".join(c if c == " " or c.isprintable() else ascii(c)[1:-1] for c in text)


def _plain(answer: Any) -> str:
    import orjson

    return answer if isinstance(answer, str) else orjson.dumps(answer).decode()


def _summary(summary: TraceSummary) -> str:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:z.2f}"

    sizes = ", ".join(f"{size} ({number}×)" for size, number in summary.tokens_per_step.items())
    return (
        f"order of the content: Kendall tau {shown(summary.content.kendall)}, "
        f"Spearman rho {shown(summary.content.spearman)} (1 = left to right); "
        f"AR-ness: local {shown(summary.local_arness)}, global {shown(summary.global_arness)}\n"
        f"tokens in a step: {sizes}"
    )
