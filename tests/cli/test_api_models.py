"""Remote models on the command line: budgets, resuming, what is refused, and that no key is ever written."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from pbench.models.api import calls
from tests.forks import SECONDS, pbench, said, signalled, start
from tests.models.api_server import Call, Response, Served, answer, chunks, completion, message, serve

if not root.app.registered_commands:
    root._register()

KEY = "sk-sentinel-0123456789abcdef"
TASKS = ["--tasks", "waiting_line", "--limit", "1"]
COUNT = 10  # samples of TASKS


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch, tmp_path_factory):
    import anthropic._base_client
    import openai._base_client

    for module in (openai._base_client, anthropic._base_client):
        monkeypatch.setattr(module, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "api-cache"))
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "INCEPTION_API_KEY"):
        monkeypatch.setenv(variable, KEY)
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "INCEPTION_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def run(*words: str) -> int:
    root.console.state.debug = False
    return root._run(list(words))


def decode(served: Served, *words: str, model: str = "openai:m", root_path: str = "/v1") -> int:
    return run("decode", "--model", model, "--base-url", served.url + root_path, *TASKS, *words)


def good(_call: Call) -> Response:
    return completion('["A B"]')


def test_decode_score_and_report(capsys):
    """From the server to a table, with tokens and money in the manifest."""
    ends = ["stop", "length", "content_filter", "stop"]

    def reply(call: Call) -> Response:
        number = len(served.calls) - 1
        return completion("" if number == 3 else '["A B"]', ends[number] if number < 4 else "stop")

    with serve(reply) as served:
        assert decode(served, "--price", "1/2", "--out", "m.parquet", "--concurrency", "1") == 0
        assert capsys.readouterr().out.strip() == "m.parquet"
        assert decode(served, "--price", "1/2", "--out", "m.parquet") == 0
        assert len(served.calls) == COUNT
    manifest = read_manifest(Path("m.parquet"))
    assert manifest["identity"]["model"] == {
        "name": "m", "family": "openai", "model": "m", "base_url": f"{served.url}/v1",
    }  # fmt: skip
    assert manifest["identity"]["sampler"] is None
    assert manifest["usage"] == {
        "requests": COUNT, "input_tokens": 100, "output_tokens": 50, "cost_usd": 0.0002,
    }  # fmt: skip
    assert manifest["execution"]["served_models"] == ["served-1"]
    assert manifest["counts"] == {"empty": 1, "ok": COUNT - 3, "refusal": 1, "truncated": 1}
    capsys.readouterr()
    assert run("score", "m.parquet", "--grammar", "harper") == 0
    scored = capsys.readouterr().out.strip()
    rows = list(read_rows(Path(scored), "scores"))
    assert {row.status: row.values["score"] for row in rows if row.status != "ok"} == {
        "empty": 0.0, "refusal": 0.0, "truncated": 0.0,
    }  # fmt: skip
    assert run("report", scored, "--suite", "waiting_line", "--json") == 0
    (point,) = json.loads(capsys.readouterr().out)["points"]
    assert point["statuses"] == {"ok": COUNT - 3, "refusal": 1, "empty": 1, "truncated": 1}
    assert (point["overall"]["tokens_per_step"], point["complete"]) == (None, True)
    assert run("report", scored, "--suite", "waiting_line") == 0
    assert "How answers ended" in capsys.readouterr().out


def test_failed_answers_are_rows_that_the_same_command_tries_again(capsys):
    bad = {"on": True}

    def reply(call: Call) -> Response:
        broken = bad["on"] and len(served.calls) > 6
        return answer({"error": {"message": "busy"}}, 500) if broken else good(call)

    with serve(reply) as served:
        assert decode(served, "--out", "m.parquet", "--retries", "0", "--concurrency", "1") == 3
        assert read_manifest(Path("m.parquet"))["counts"] == {"error": COUNT - 6, "ok": 6}
        bad["on"] = False
        assert decode(served, "--out", "m.parquet") == 0
    asked = Counter(call.prompt for call in served.calls)
    assert sum(asked.values()) == COUNT + (COUNT - 6), "no answer is paid for twice"
    assert read_manifest(Path("m.parquet"))["counts"] == {"ok": COUNT}
    assert "busy" not in capsys.readouterr().out


def test_a_budget_ends_in_rows_and_goes_on_with_the_next_call(capsys):
    with serve(good) as served:
        assert decode(served, "--out", "m.parquet", "--max-requests", "4") == 3
        assert len(served.calls) == 4
        # 10 tokens in and 5 out cost 5 cents; what an answer may cost at most stands against it before
        assert decode(served, "--out", "m.parquet", "--price", "0/10000", "--max-cost", "0.5") == 3
        spent = [row.usage.get("cost_nanousd", 0) for row in read_rows(Path("m.parquet"), "generations")]
        assert 0 < Decimal(sum(spent)) / 10**9 <= Decimal("0.5")
        assert decode(served, "--out", "m.parquet") == 0
    assert len(served.calls) == COUNT
    assert "--max-requests 4" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--k", "2"], "nor of model 'm': it takes none"),
        (["--sampler", "confidence"], "--sampler is for masked-diffusion models"),
        (["--block-length", "8"], "--block-length is for masked-diffusion models"),
        (["--cache", "dual"], "--cache is for masked-diffusion models"),
        (["--gpus", "0"], "--gpus is for models that run on this machine"),
        (["--dtype", "float32"], "--dtype is for models that run on this machine"),
        (["--batch-size", "4"], "--batch-size is for models that run on this machine"),
        (["--model-id", "x"], "names the model already"),
        (["--price", "cheap"], "--price 'cheap'"),
        (["--max-cost", "1"], "no price is known"),
        (["--api-key-env", "NOT_THERE"], "NOT_THERE holds no key"),
    ],
)
def test_what_cannot_be_is_one_error_before_anything_is_paid(words, said, capsys, elsewhere):
    with serve(good) as served:
        assert decode(served, *words) == 2
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert error.count("error:") == 1
    assert served.calls == []
    assert not list(elsewhere.glob("runs/*"))


def test_options_of_remote_models_with_a_model_that_runs_here(capsys):
    assert run("decode", "--concurrency", "2", *TASKS) == 2
    assert "--concurrency is for models behind an API; 'tiny' runs on this machine" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "said"), [(404, "openai:MODEL"), (401, "OPENAI_API_KEY")])
def test_an_unknown_model_and_a_wrong_key_cost_one_call(status, said, capsys, elsewhere):
    with serve(lambda call: answer({"error": {"message": f"no, {KEY}"}}, status)) as served:
        assert decode(served) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("error:") == 1
    assert len(served.calls) == 1
    assert not list(elsewhere.glob("runs/*"))


def test_an_unreachable_server_and_no_key(capsys, monkeypatch, elsewhere, nobody):
    assert decode(Served(good, nobody)) == 2
    assert "is the server there" in capsys.readouterr().err
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert run("decode", "--model", "haiku", *TASKS) == 2
    assert "ANTHROPIC_API_KEY holds no key" in capsys.readouterr().err
    assert not list(elsewhere.glob("runs/*"))


def test_a_dry_run_estimates_and_asks_nothing(capsys, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert run("decode", "--model", "haiku", *TASKS, "--gen-length", "100", "--dry-run") == 0
    said = capsys.readouterr().err
    assert f"{COUNT} requests, about " in said
    assert "at most 1000 tokens out, at most 0.00" in said
    assert "genai-prices" in said


def test_mercury_stands_in_tables_as_the_diffusion_model_that_it_is(capsys):
    with serve(lambda call: chunks(["[?]", '["A B"]'])) as served:
        assert decode(served, "--gen-length", "64", model="mercury") == 0
    path = Path(capsys.readouterr().out.strip())
    manifest = read_manifest(path)
    assert manifest["identity"]["sampler"]["name"] == "diffusing"
    assert manifest["usage"]["streamed_states"] == 2 * COUNT
    assert manifest["usage"]["cost_usd"] > 0
    assert {row.nfe for row in read_rows(path, "generations")} == {None}


def test_labels_tell_servers_apart(capsys):
    with serve(good) as served:
        names = set()
        for label in ("threshold=0.9", "threshold=0.5"):
            assert decode(served, "--label", label) == 0
            names.add(capsys.readouterr().out.strip())
    assert len(names) == 2
    assert len(served.calls) == 2 * COUNT


def test_a_sweep_over_servers(capsys):
    with serve(good) as one, serve(good) as other:
        Path("grid.yaml").write_text(
            "tasks: [waiting_line/copy]\nlimit: 2\nmatrix:\n"
            f"  - {{model: 'openai:m', sampler: null, base_url: '{one.url}/v1', labels: {{gamma: 0.9}}}}\n"
            f"  - {{model: 'openai:m', sampler: null, base_url: '{other.url}/v1', labels: {{gamma: 0.5}}}}\n"
            "  - {model: tiny, sampler: {name: confidence, k: 2}}\n"
        )
        assert run("sweep", "grid.yaml", "--dry-run") == 0
        assert capsys.readouterr().err.count("2 requests, about") == 2
        assert one.calls == []
        assert run("sweep", "grid.yaml") == 0
        assert (len(one.calls), len(other.calls)) == (2, 2)
        files = [Path(line) for line in capsys.readouterr().out.split()]
    labels = [read_manifest(path)["identity"]["labels"] for path in files]
    assert sorted(each.get("gamma", "") for each in labels) == ["", "0.5", "0.9"]


def test_the_shipped_comparison_on_one_model(capsys):
    with serve(good) as served:
        words = ("--model", "openai:m", "--base-url", f"{served.url}/v1", "--limit", "1")
        assert run("sweep", "dllm_vs_ar", *words, "--only", "task=waiting_line_n15") == 0
    assert len(served.calls) == 10
    assert all(call.body["max_tokens"] == 1024 for call in served.calls)
    assert all(call.body["temperature"] == 0 for call in served.calls)
    (path,) = capsys.readouterr().out.split()
    assert run("score", path) == 0
    scored = capsys.readouterr().out.strip()
    assert run("report", scored, "--published", "paper", "--json") == 0
    lists, texts = json.loads(capsys.readouterr().out)["paper"]["tables"]
    (row,) = lists["measured"]
    assert [cell["n"] for cell in row["values"]] == [1] * 10
    assert texts["measured"] == []
    assert run("report", scored, "--published", "paper") == 0
    assert "measured: m ·" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("model", ["openai:m", "haiku"])
def test_no_key_is_ever_written(model, status, capfd, elsewhere):
    """Neither in a file nor on a stream, not even under --debug where the server repeats it."""

    def reply(call: Call) -> Response:
        if status == 200:
            return message("x") if model == "haiku" else completion("x")
        return answer({"type": "error", "error": {"type": "e", "message": f"bad key {KEY}"}}, status)

    with serve(reply) as served:
        root_path = "" if model == "haiku" else "/v1"
        where = ["--model", model, "--base-url", served.url + root_path, "--retries", "0"]
        code = run("--debug", "decode", *where, *TASKS)
    assert code == {200: 0, 400: 2, 401: 2, 500: 3}[status]
    assert any(KEY in value for value in served.calls[0].headers.values())
    said = capfd.readouterr()
    written = [said.out, said.err, *(path.read_bytes().decode("latin-1") for path in files(elsewhere))]
    assert len(written) > (2 if status in (200, 500) else 1)
    assert not [text for text in written if KEY in text or KEY[-12:] in text]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def patient_pbench(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """At Ctrl-C it waits for answers on their way however long this machine takes for them."""
    calls.GRACE_SECONDS = SECONDS
    pbench(arguments, folder, **variables)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_run_pays_for_no_finished_answer_again(how, code, elsewhere, capsys):
    """Of ten answers four have come, and two are on their way."""
    interrupted = threading.Event()

    def reply(call: Call) -> Response:
        found = good(call)
        if len(served.calls) > 4:
            interrupted.wait(SECONDS)
            found.seconds = 0.25
        return found

    with serve(reply) as served:
        words = ["--model", "openai:m", "--base-url", f"{served.url}/v1", *TASKS, "--concurrency", "2"]
        command = ["decode", *words, "--out", "m.parquet"]
        child = start(patient_pbench, command, str(elsewhere), XDG_CACHE_HOME=os.environ["XDG_CACHE_HOME"])
        while len(served.calls) < 6 and child.is_alive():
            child.join(0.01)
        signalled(child, how)
        interrupted.set()
        child.join(SECONDS)
        assert child.exitcode == code, said(elsewhere, code)
        before = Counter(call.prompt for call in served.calls)
        assert 6 <= sum(before.values()) < COUNT
        assert decode(served, "--concurrency", "2", "--out", "m.parquet") == 0
    again = [prompt for prompt, times in Counter(call.prompt for call in served.calls).items() if times > 1]
    on_their_way = 2 if how == signal.SIGKILL else 0  # at Ctrl-C they are waited for
    assert len(again) <= on_their_way
    assert read_manifest(Path("m.parquet"))["counts"] == {"ok": COUNT}
    assert not list(elsewhere.glob("*.journal.jsonl"))
