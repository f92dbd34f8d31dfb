"""Token texts in a run's manifest."""

from pbench.decode.vocabulary import token_texts
from pbench.models import find_model, load_model
from tests.report.made_traces import generation, remasked, sample

PIECES = {3: "▁a", 4: "▁b", 5: "c", 6: "▁", 7: "d", 8: "▁e", 9: "\ufffd"}


class Tokenizer:
    """A SentencePiece-like denoiser: the first token's leading space is dropped; 9 is half a character."""

    mask_token_id, eos_token_id, pad_token_id = 1, 2, 0

    def decode(self, ids):
        text = "".join(PIECES.get(token, "") for token in ids).replace("▁", " ")
        return text.removeprefix(" ")


def test_texts_keep_their_spaces_and_what_has_no_text_is_left_out():
    found = token_texts(Tokenizer(), [generation(sample(0), (3, 4, 5, 6, 9, 2))])
    assert found["texts"] == {"3": " a", "4": " b", "5": "c", "6": " "}
    assert found["special"] == {"mask": 1, "eos": 2, "pad": 0}


def test_tokens_that_were_taken_back_are_in_it():
    assert "8" in token_texts(Tokenizer(), [remasked(sample(0))])["texts"]


def test_no_rows():
    assert token_texts(Tokenizer(), [])["texts"] == {}


def test_the_bundled_model():
    model = load_model(find_model("tiny"), "cpu")
    ids = tuple(model.encode_text('["Daniel Griffin", "Maria Mendoza"]'))
    own = generation(sample(0), (*ids[:5], 2))
    assert set(token_texts(model, [own])["texts"].values()) >= {'["', "Daniel", " Griffin"}
