"""Tokenizers and chat templates of folders in every form that published checkpoints have."""

from __future__ import annotations

import json
import shutil

import pytest

from pbench.errors import ArtifactError, UsageError
from pbench.models.chat import CHATML, LLAMA3, Chat
from pbench.models.tokens import Tokens
from tests.models.random_models import FAMILIES, folder, model, samples

USER = {"role": "user", "content": " Hello <b> & 'you' "}
TALK = ({"role": "system", "content": "Be brief."}, USER, {"role": "assistant", "content": "Hi"}, USER)
HEADER = "<|start_header_id|>assistant<|end_header_id|>\n\n"


def chat(template: str, format=CHATML, **special: str) -> Chat:
    return Chat(template, special, format.generation_prompt, "here")


@pytest.fixture
def mine(tmp_path):
    out = tmp_path / "dream"
    shutil.copytree(folder("dream"), out)
    return out


def settings_of(folder_, **changes):
    path = folder_ / "tokenizer_config.json"
    settings = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in settings.items() if v is not None}))


def test_templates_are_rendered_as_transformers_does():
    from transformers.utils.chat_template_utils import render_jinja_template

    tricky = (
        "{%- for m in messages %}\n    {% if m.role == 'system' %}{% continue %}{% endif %}\n"
        "[{{ m.role }}] {{ m.content | trim | tojson }}\n{% endfor %}\n"
        "{%- if add_generation_prompt %}<go>{% endif %}{{ bos_token }}"
    )
    for template in (tricky, CHATML.template, LLAMA3.template):
        theirs, _ = render_jinja_template(
            conversations=[list(TALK)], chat_template=template, add_generation_prompt=True, bos_token="<s>"
        )
        assert chat(template, bos_token="<s>")._render(TALK, True) == theirs[0]


def test_the_families_own_templates():
    assert chat(CHATML.template).render([USER]) == (
        "<|im_start|>user\n Hello <b> & 'you' <|im_end|>\n<|im_start|>assistant\n"
    )
    assert chat(LLAMA3.template, LLAMA3, bos_token="<s>").render([USER]) == (
        f"<s><|start_header_id|>user<|end_header_id|>\n\nHello <b> & 'you'<|eot_id|>{HEADER}"
    )


def test_a_template_that_always_begins_the_answer_does_so_once():
    assert model("llada").prompt(samples(1)[0]).count(HEADER.strip()) == 1
    assert model("llada").prompt(samples(1)[0]).endswith(HEADER)
    # jinja drops the last newline of a template, transformers' renderer included
    always = "{% for m in messages %}{{ m.content }}{% endfor %}" + HEADER
    assert chat(always, LLAMA3).render([USER]).count(HEADER.strip()) == 1


def test_a_template_that_never_begins_the_answer_is_helped():
    deaf = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    assert chat(deaf).render([USER]).endswith("<|im_end|>\n<|im_start|>assistant\n")


def test_a_template_that_begins_the_answer_in_its_own_way_is_left_alone():
    thinking = CHATML.template.replace("assistant\n", "assistant\n<think>\n")
    assert chat(thinking).render([USER]).endswith("<|im_start|>assistant\n<think>\n")


def test_a_doubled_bos_is_one():
    doubled = "{{ bos_token }}{% for m in messages %}{{ bos_token if loop.first }}{{ m.content }}{% endfor %}"
    assert chat(doubled, bos_token="<s>").render([USER]).count("<s>") == 1
    ids = model("llada").encode(samples(1)[0])
    bos = model("llada").tokens.tokenizer.token_to_id("<|startoftext|>")
    assert ids.count(bos) == 1
    assert ids[0] == bos


def test_a_tokenizer_that_would_add_a_bos_of_its_own_does_not(tmp_path):
    out = tmp_path / "llada"
    shutil.copytree(folder("llada"), out)
    path = out / "tokenizer.json"
    said = json.loads(path.read_text())
    bos = model("llada").tokens.tokenizer.token_to_id("<|startoftext|>")
    said["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<|startoftext|>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {
            "<|startoftext|>": {"id": "<|startoftext|>", "ids": [bos], "tokens": ["<|startoftext|>"]}
        },
    }
    said["truncation"] = {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}
    path.write_text(json.dumps(said))
    tokens = Tokens(out, LLAMA3)
    assert tokens.encode("Hello you there, how are you?") == model("llada").tokens.encode(
        "Hello you there, how are you?"
    )


def test_a_template_may_refuse_and_may_be_broken():
    with pytest.raises(UsageError, match="no system here"):
        chat("{{ raise_exception('no system here') }}").render(TALK)
    with pytest.raises(ArtifactError, match="here: its chat template is broken"):
        chat("{% for m in messages %}")
    with pytest.raises(UsageError, match="refuses"):
        chat("{{ messages.__class__.__mro__ }}").render([USER])
    with pytest.raises(UsageError, match=r"refuses this prompt: .*by zero"):
        chat("{{ messages | length // 0 }}").render([USER])


def test_where_a_template_is_looked_for(mine):
    settings_of(mine, chat_template=None)
    bare = Tokens(mine, CHATML)
    assert "no chat template" in bare.notes[0]
    assert bare.prompt([USER]).startswith("<|im_start|>user")
    settings_of(mine, chat_template=[{"name": "default", "template": "D"}, {"name": "tool", "template": "T"}])
    assert Tokens(mine, CHATML).prompt([USER]).startswith("D")
    (mine / "chat_template.jinja").write_text("J")
    assert Tokens(mine, CHATML).prompt([USER]).startswith("J")
    assert not Tokens(mine, CHATML).notes


def test_vocab_and_merges_make_the_same_tokenizer(mine):
    """As in Dream's repositories, which hold no tokenizer.json and a tokenizer class of their own."""
    whole = Tokens(mine, CHATML)
    said = json.loads((mine / "tokenizer.json").read_text())
    (mine / "tokenizer.json").unlink()
    (mine / "vocab.json").write_text(json.dumps(said["model"]["vocab"]))
    merges = [" ".join(pair) for pair in said["model"]["merges"]]
    (mine / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    added = {
        str(each["id"]): {
            k: each[k] for k in ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
        }
        for each in said["added_tokens"]
    }
    code = {"AutoTokenizer": ["tokenization_dream.DreamTokenizer", None]}
    settings_of(mine, added_tokens_decoder=added, tokenizer_class="DreamTokenizer", auto_map=code)
    made = Tokens(mine, CHATML)
    text = 'Reverse ["Ann Lee", "Bob Day"], Ünïcode, 12345 and\n\n  spaces<|im_end|>\n<|mask|>'
    # Qwen's own splitting differs from the random tokenizer's in digits and punctuation alone.
    assert made.decode(made.encode(text)) == whole.decode(whole.encode(text))
    assert made.encode("<|mask|>") == whole.encode("<|mask|>")
    assert made.size == whole.size
    (mine / "merges.txt").unlink()
    with pytest.raises(ArtifactError, match=r"no merges\.txt"):
        Tokens(mine, CHATML)


@pytest.mark.parametrize("family", FAMILIES)
def test_text_comes_back_and_special_tokens_do_not(family):
    denoiser = model(family)
    text = '["Ann Lee", "Zoë Ünal"]\n'
    ids = denoiser.encode_text(text)
    assert denoiser.decode([*ids, denoiser.eos_token_id, denoiser.mask_token_id, 10**6]) == text


@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer.json", b"{}"), ("tokenizer_config.json", b"{"), ("chat_template.jinja", b"\xff")],
)
def test_broken_files_are_named(mine, name, content):
    (mine / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=name):
        Tokens(mine, CHATML)
