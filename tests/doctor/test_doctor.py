"""`pbench doctor`: what it finds on machines on which this or that is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pbench.cli import app as root
from pbench.doctor import Finding, examine, machine, packages, stages
from pbench.errors import ArtifactError

if not root.app.registered_commands:
    root._register()

GOOD = ["numpy>=1.26", "harper-py>=0.2", "vl-convert-python>=1.7", "ruamel.yaml>=0.18"]


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, no Java, few packages: each test adds what it is about."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(packages, "_project", lambda: (">=3.11", GOOD, {"ray": ["no-such-package>=2"]}))
    monkeypatch.setattr(stages, "java_version", lambda: None)
    monkeypatch.setattr("pbench.grammar.server.why_no_local_server", lambda: "install Java 17 or later")


def one(findings: Iterator[Finding], name: str) -> Finding:
    (found,) = [finding for finding in findings if finding.name == name]
    return found


def test_a_machine_that_works_is_exit_0(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert root._run(["doctor"]) == 0
    said = capsys.readouterr()
    names = [
        re.split(r"\s+", line, maxsplit=1)[1].partition(":")[0]
        for line in said.out.splitlines()
        if line[0] != " "
    ]
    assert names[:3] == ["python", "packages", "versions"]
    assert {"bundled model", "harper", "languagetool", "hub", "cache", "gpu"} <= {*names, "gpu"}
    assert "limited  languagetool: not usable" in said.out
    assert "to mend it: install Java 17 or later" in said.out
    assert "everything that pbench needs works, except for languagetool" in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_exit_2_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "_project", lambda: (">=3.11", [*GOOD, "no-such-package>=2"], {}))
    assert root._run(["doctor", "--json"]) == 2
    said = capsys.readouterr()
    payload = json.loads(said.out)
    assert (payload["schema_version"], payload["ok"]) == (1, False)
    (found,) = [each for each in payload["findings"] if each["state"] == "broken"]
    assert found == {
        "name": "package no-such-package",
        "state": "broken",
        "found": "is not installed",
        "mend": "pip install 'no-such-package>=2'",
    }
    assert "does not work here without package no-such-package" in said.err


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        ("numpy>=99", "pbench needs >=99"),
        ("no-such-package", "is not installed"),
        ("numpy<1", "pbench needs <1"),
    ],
)
def test_packages_that_will_not_do(requirement: str, words: str) -> None:
    (found,) = packages.troubles_of([*GOOD, requirement])
    assert words in found.found
    assert found.mend == f"pip install '{requirement}'"


def test_a_package_that_is_there_and_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(packages, "import_module", broken)
    (found,) = packages.troubles_of(["numpy>=1.26"])
    assert found.state == "broken"
    assert "cannot be imported: OSError: libcudart.so.13" in found.found


def test_every_requirement_of_the_project_has_an_import_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    asked, needed, extras = packages._project()
    assert asked == ">=3.11"
    assert "torch>=2.9" in needed
    assert "languagetool" in extras
    assert list(packages.troubles_of(needed)) == []


def test_what_is_installed_says_the_same_as_the_checkout() -> None:
    asked, needed, extras = packages._installed()
    assert asked == ">=3.11"
    assert any(requirement.startswith("torch>=") for requirement in needed)
    assert not any("extra" in requirement or ";" in requirement for requirement in needed)
    assert any(requirement.startswith("language-tool-python") for requirement in extras["languagetool"])


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_project", lambda: (">=3.99", [], {}))
    found = one(packages.python(), "python")
    assert (found.state, found.mend) == ("broken", "install Python >=3.99")


def test_versions_other_than_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_tested", lambda: {"numpy": "0.1", "no-such-package": "1", "torch": "2"})
    monkeypatch.setattr(packages, "version", {"numpy": "2.4.6", "torch": "2+cpu"}.__getitem__)
    monkeypatch.setattr(packages, "PackageNotFoundError", KeyError)
    found = one(packages.tested_versions(), "versions")
    assert found.found == "not those that pbench is tested with: numpy 2.4.6 (0.1)"
    assert found.state == "note"


def test_an_extra_that_is_not_there_is_a_note() -> None:
    found = one(packages.extras(), "extra ray")
    assert (found.state, found.mend) == ("note", "pip install 'pbench[ray]'")


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = one(machine.places(tmp_path / "not" / "made" / "yet"), "cache")
    assert good.state == "ok"
    assert not (tmp_path / "not").exists()
    blocked = one(machine.places(Path("/proc/pbench")), "cache")
    assert (blocked.state, blocked.mend) == (
        "limited",
        "set XDG_CACHE_HOME to a folder that you may write to",
    )
    assert "cannot be written to" in blocked.found

    class Usage:
        free = 5_000_000

    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage)
    full = one(machine.places(tmp_path), "cache")
    assert full.state == "limited"
    assert (full.mend or "").startswith("make room")


def test_locks_that_do_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system without them."""

    @contextmanager
    def nothing(_path: Path) -> Iterator[None]:
        yield

    monkeypatch.setattr("pbench.artifacts.run_lock", nothing)
    found = one(machine.places(tmp_path), "cache")
    assert found.state == "limited"
    assert "locks do not keep others out" in found.found


def test_a_gpu_that_torch_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert one(machine.gpus(), "gpu").state == "note"
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/nvidia-smi")
    found = one(machine.gpus(), "gpu")
    assert found.state == "limited"
    assert "there is a driver" in found.found


def test_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (60e9, 80e9))
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _: "H100")
    assert one(machine.gpus(), "cuda:0").found == "H100, 60.0 of 80.0 GB free"


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_hub_answers_or_does_not(monkeypatch: pytest.MonkeyPatch, nobody: str) -> None:
    assert one(machine.hub(), "hub").state == "note"  # HF_HUB_OFFLINE
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "_SECONDS", 60.0)
    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = Thread(target=server.handle_request, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        assert one(machine.hub(), "hub").found == f"{address} answers"
        thread.join()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", nobody)
    found = one(machine.hub(), "hub")
    assert (found.state, "refused" in found.found) == ("limited", True)


def test_a_bundled_model_that_is_damaged_or_computes_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise ArtifactError("model.safetensors: is damaged")

    with monkeypatch.context() as patch:
        patch.setattr("pbench.models.load_model", damaged)
        found = one(stages.bundled_model(), "bundled model")
        assert (found.state, found.found) == ("broken", "model.safetensors: is damaged")
    monkeypatch.setattr("pbench.models.tiny.TinyDenoiser.decode", lambda *_: "[]")
    found = one(stages.bundled_model(), "bundled model")
    assert found.state == "broken"
    assert "score 0" in found.found


def test_a_languagetool_that_starts_and_one_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from pbench.grammar import CheckerError

    class Working:
        version = "6.8"

        def close(self) -> None:
            pass

    def failing() -> None:
        raise CheckerError("LanguageTool does not start: no answer")

    monkeypatch.setattr("pbench.grammar.server.why_no_local_server", lambda: None)
    monkeypatch.setattr("pbench.grammar.LanguageToolChecker", Working)
    assert one(stages.grammar_checkers(), "languagetool").found == "6.8 starts and answers"
    monkeypatch.setattr("pbench.grammar.LanguageToolChecker", failing)
    assert one(stages.grammar_checkers(), "languagetool").state == "limited"


def test_a_check_that_fails_itself_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(packages, "python", fail)
    found = next(iter(examine(tmp_path)))
    assert (found.name, found.state) == ("python", "broken")
    assert "nobody thought of this" in found.found


def test_a_missing_module_anywhere_leads_to_the_doctor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ModuleNotFoundError("No module named 'orjson'")

    monkeypatch.setattr(root, "app", fail)
    assert root._run([]) == 2
    assert "pbench doctor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("threads", "load", "state"), [(2, 1.51, "note"), (2, 1.5, "ok"), (1, 30.0, "ok"), (2, None, "ok")]
)
def test_threads_beside_other_work(
    threads: int, load: float | None, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def average() -> tuple[float, float, float]:
        if load is None:
            raise OSError("unobtainable")
        return load, 0.0, 0.0

    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    monkeypatch.setattr("pbench.processes.cores", lambda: 2)
    monkeypatch.setattr("os.getloadavg", average)
    found = one(machine.threads(), "threads")
    assert found.state == state
    assert f"torch takes {threads} on the CPU" in found.found
    assert ("OMP_NUM_THREADS=1" in (found.mend or "")) == (state == "note")
