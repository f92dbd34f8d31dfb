"""Python and the packages that pbench needs: there, new enough, importable, and as they were tested."""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

from pbench.doctor.finding import Finding

__all__ = ["extras", "needed", "python", "tested_versions"]

_ROOT = Path(__file__).resolve().parents[2]  # of a checkout
_IMPORTED_AS = {"harper-py": "harper", "vl-convert-python": "vl_convert"}
_FOR = {
    "bertscore": "BERTScore, in the paraphrase tasks",
    "hub": "tasks of data sets on the hub",
    "languagetool": "grammar as the paper measures it",
    "ray": "decode and sweep over a Ray cluster",
}
_FOR_DEVELOPERS = "dev"


def python() -> Iterator[Finding]:
    """The interpreter, against what pbench asks for."""
    from packaging.specifiers import SpecifierSet

    wanted = SpecifierSet(_project()[0])
    found = f"{platform.python_version()} in {sys.prefix}"
    if wanted.contains(platform.python_version(), prereleases=True):
        yield Finding("python", "ok", found)
    else:
        yield Finding("python", "broken", f"{found}; pbench needs {wanted}", f"install Python {wanted}")


def needed() -> Iterator[Finding]:
    """One finding for each package that is missing, too old or not importable; one if none is."""
    requirements = _project()[1]
    troubles = list(troubles_of(requirements))
    yield from troubles
    if not troubles:
        yield Finding("packages", "ok", f"the {len(requirements)} that are needed are here")


def troubles_of(requirements: Iterable[str]) -> Iterator[Finding]:
    """What is wrong with each of these requirements ("numpy>=1.26"), if anything is."""
    from packaging.requirements import Requirement

    for text in requirements:
        requirement = Requirement(text)
        why = _why_not(requirement.name, str(requirement.specifier))
        if why is not None:
            yield Finding(f"package {requirement.name}", "broken", why, f"pip install '{text}'")


def tested_versions() -> Iterator[Finding]:
    """Versions that differ from those that pbench is tested with."""
    tested = _tested()
    if not tested:
        return
    here = {name: (_version(name) or "").partition("+")[0] for name in tested}  # +cpu, +cu128: builds of one
    others = [
        f"{name} {have} ({tested[name]})" for name, have in here.items() if have not in ("", tested[name])
    ]
    if not others:
        yield Finding("versions", "ok", "those that pbench is tested with")
        return
    yield Finding("versions", "note", f"not those that pbench is tested with: {', '.join(others)}")


def extras() -> Iterator[Finding]:
    """What the optional parts lack."""
    for extra, requirements in sorted(_project()[2].items()):
        if extra == _FOR_DEVELOPERS:
            continue
        lacking = [finding.name.removeprefix("package ") for finding in troubles_of(requirements)]
        purpose = _FOR.get(extra, "optional")
        if not lacking:
            yield Finding(f"extra {extra}", "ok", purpose)
        else:
            found = f"{purpose}: {', '.join(lacking)} not usable"
            yield Finding(f"extra {extra}", "note", found, f"pip install 'pbench[{extra}]'")


def _why_not(name: str, specifier: str) -> str | None:
    from packaging.specifiers import SpecifierSet

    have = _version(name)
    if have is None:
        return "is not installed"
    if not SpecifierSet(specifier).contains(have, prereleases=True):
        return f"{have} is here; pbench needs {specifier}"
    try:
        import_module(_IMPORTED_AS.get(name, name.replace("-", "_")))
    except Exception as error:  # a library that is there may fail in any way, on this machine alone
        return f"{have} cannot be imported: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _project() -> tuple[str, list[str], dict[str, list[str]]]:
    """Python versions, requirements, and those of each extra: of the checkout, or as installed."""
    path = _ROOT / "pyproject.toml"
    if path.is_file():
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        return project["requires-python"], project["dependencies"], project["optional-dependencies"]
    return _installed()


def _installed() -> tuple[str, list[str], dict[str, list[str]]]:
    from packaging.requirements import Requirement

    about = metadata("pbench")
    plain: list[str] = []
    extra: dict[str, list[str]] = {name: [] for name in about.get_all("Provides-Extra") or ()}
    for text in about.get_all("Requires-Dist") or ():
        requirement = Requirement(text)
        bare = f"{requirement.name}{requirement.specifier}"
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            plain.append(bare)
            continue
        for name, own in extra.items():
            if marker.evaluate({"extra": name}):
                own.append(bare)
    return about["Requires-Python"] or "", plain, extra


def _tested() -> dict[str, str]:
    """constraints.txt: the version of each package that pbench is tested with."""
    places = (_ROOT / "constraints.txt", Path(__file__).resolve().parents[1] / "constraints.txt")
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("==") for line in lines if "==" in line and not line.startswith("#"))
    return {name.strip(): wanted.strip() for name, _, wanted in pairs}
