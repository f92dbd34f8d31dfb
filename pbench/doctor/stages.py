"""The stages at work: tasks built, the bundled model asked, grammar checked, plug-ins loaded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from itertools import islice

from pbench.doctor.finding import Finding
from pbench.doctor.machine import java_version
from pbench.errors import PbenchError

__all__ = ["bundled_model", "grammar_checkers", "plugins", "published_models", "shipped_files"]

_AGAIN = "install pbench again: pip install --force-reinstall --no-deps FOLDER_OR_WHEEL"
_TASK = "waiting_line/copy"
_WRONG = "She go to school yesterday, and and he were late."
_GROUPS = {"pbench.models": "model family", "pbench.samplers": "sampler", "pbench.metrics": "metric"}


def shipped_files() -> Iterator[Finding]:
    """Suites and sweeps that come with pbench."""
    from pbench.tasks import load_suite, shipped_suites

    try:
        tasks = sum(len(load_suite(name).tasks) for name in shipped_suites())
    except PbenchError as error:
        yield Finding("shipped files", "broken", str(error), _AGAIN)
        return
    yield Finding("shipped files", "ok", f"{len(shipped_suites())} suites of {tasks} tasks")


def bundled_model() -> Iterator[Finding]:
    """The model `tiny`: loaded, asked one question, and its answer scored."""
    from pbench.decode import EngineOptions, Engines, LocalRunner
    from pbench.models import find_model, load_model
    from pbench.samplers import make_sampler
    from pbench.score import score_answer
    from pbench.tasks import generate, resolve

    started = time.perf_counter()
    try:
        model = load_model(find_model("tiny"), "cpu")
    except PbenchError as error:
        yield Finding("bundled model", "broken", str(error), _AGAIN)
        return
    samples = list(islice(generate(resolve([_TASK])[0]), 1))
    engines = Engines(model, make_sampler("confidence", {"k": 4}), EngineOptions())  # type: ignore[arg-type]
    [row] = LocalRunner(engines, 1).run(samples)
    seconds = time.perf_counter() - started
    score = score_answer(row.sample.metric, row.output_text, row.sample.answer)["score"]
    if score == 1:
        yield Finding("bundled model", "ok", f"loaded, and copied a list, in {seconds:.1f} s")
        return
    found = f"does not copy a list (status {row.status}, score {score}): torch computes something else here"
    yield Finding(
        "bundled model", "broken", found, "install the torch that pbench is tested with (constraints.txt)"
    )


def published_models() -> Iterator[Finding]:
    """Which of the models with a name are here."""
    from pbench.models import known_models

    models = known_models()
    here = [info.name for info in models if info.available]
    rest = len(models) - len(here)
    yield Finding("models", "ok", f"{', '.join(here)}; {rest} more are fetched when they are asked for")


def grammar_checkers() -> Iterator[Finding]:
    """harper, Java, and LanguageTool, which is started where it can be."""
    from pbench.grammar import CheckerError, HarperChecker, LanguageToolChecker
    from pbench.grammar.server import why_no_local_server

    found = HarperChecker(1).check([_WRONG])[0]
    if found:
        yield Finding(
            "harper", "ok", f"{HarperChecker(1).version}, finds {len(found)} faults in a faulty sentence"
        )
    else:
        yield Finding(
            "harper", "broken", "finds no fault in a faulty sentence", "pip install --upgrade harper-py"
        )
    java = java_version()
    yield Finding("java", "ok" if java else "note", java or "not here; LanguageTool needs it")
    why = why_no_local_server()
    if why is not None:
        yield _without_languagetool("not usable; harper judges grammar, and that is not comparable", why)
        return
    checker = None
    try:
        checker = LanguageToolChecker()
        yield Finding("languagetool", "ok", f"{checker.version} starts and answers")
    except CheckerError as error:
        yield _without_languagetool(
            str(error), "install Java 17 or later, or name a server: --languagetool-url"
        )
    finally:
        if checker is not None:
            checker.close()


def _without_languagetool(found: str, mend: str) -> Finding:
    return Finding("languagetool", "limited", found, mend)


def plugins() -> Iterator[Finding]:
    """What other packages add, and what of it does not load."""
    good: list[str] = []
    for group, kind in _GROUPS.items():
        for point in entry_points(group=group):
            trouble = _trouble(point, kind)
            good += [f"{kind} {point.name}"] * (trouble is None)
            if trouble is not None:
                yield trouble
    if good:
        yield Finding("plug-ins", "ok", ", ".join(good))


def _trouble(point: EntryPoint, kind: str) -> Finding | None:
    from pbench.metrics import METRICS
    from pbench.models.catalogue import foreign_loader
    from pbench.samplers import SAMPLERS

    try:
        if kind == "model family":
            foreign_loader(point)
        else:
            (METRICS if kind == "metric" else SAMPLERS).get(point.name)
    except PbenchError as error:
        owner = f" (package {point.dist.name})" if point.dist is not None else ""
        return Finding(f"{kind} {point.name}", "limited", str(error), f"mend or uninstall it{owner}")
    return None
