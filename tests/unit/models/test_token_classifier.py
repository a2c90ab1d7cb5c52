import numpy as np
import pytest
import spacy
import torch
from checkpoints import watch_batches
from spacy.tokens import Doc
from support import save_encoder
from thinc.api import Ragged
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForTokenClassification, AutoTokenizer, PreTrainedTokenizerFast

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.decoding.label_rules import ALL_LABELS
from spacy_bert_ner.errors import BertNerError, CheckpointError, ConfigError
from spacy_bert_ner.models import token_classifier
from spacy_bert_ner.models.token_classifier import build_token_classifier_v1, load_checkpoint

LONG = "Kevin Durant lives in New York . Mr. O'Neill plays for the United Nets ! " * 8


@pytest.fixture
def docs():
    nlp = spacy.blank("en")
    return [nlp(text) for text in ["Kevin Durant plays.", "", " \n ", LONG, "U.N. hour-long\n\nSão Paulo \x00 ."]]


@pytest.fixture
def model(tagger):
    return build_token_classifier_v1(str(tagger), overlap=16)


def test_building_reads_nothing():
    model = build_token_classifier_v1("no/such-checkpoint")
    assert not token_classifier.has_checkpoint(model)
    with pytest.raises(
        CheckpointError, match="'no/such-checkpoint' is not a local folder and .* Hub cannot be reached"
    ):
        model.predict([])


def test_a_tag_scheme_may_have_another_name(tagger):
    for name, scheme in {"BIO": "IOB2", "bilou": "BILUO", "Bioes": "IOBES", "iob1": "IOB1", "plain": "plain"}.items():
        assert build_token_classifier_v1(str(tagger), tag_scheme=name).attrs["tag_scheme"] == scheme
    model = build_token_classifier_v1(str(tagger), overlap=16, tag_scheme="BIO")
    assert token_classifier.get_checkpoint(model).model.config.tag_scheme == "IOB2"
    with pytest.raises(ConfigError, match="BIO means IOB2, BIOES means IOBES, BILOU means BILUO"):
        build_token_classifier_v1(str(tagger), tag_scheme="IOB")


def test_what_the_config_says_of_the_checkpoint_is_handed_on(monkeypatch, tagger):
    asked = {}

    def open_(name, **options):
        asked.update(options, name=name)
        return real(name)

    real = Checkpoint.from_pretrained
    monkeypatch.setattr(token_classifier.Checkpoint, "from_pretrained", open_)
    load_checkpoint(
        build_token_classifier_v1(
            str(tagger), revision="abc123", tag_map={"B-per": "I-per"}, overlap=8, mark_case=True, reset_layers=1
        )
    )
    expected = {"name": str(tagger), "revision": "abc123", "tag_scheme": None, "mark_case": True, "reset_layers": 1}
    expected |= {"frozen_layers": 0, "label_rules": ALL_LABELS}
    assert asked == {**expected, "tag_map": {"B-per": "I-per"}, "labels": None, "added": ()}


def test_every_token_gets_the_rows_of_its_subwords(model, docs):
    output = model.predict(docs)
    assert [len(rows.lengths) for rows in output] == [len(doc) for doc in docs]
    # Kevin Durant plays .
    assert output[0].lengths.tolist() == [1, 1, 1, 1]
    assert output[1].dataXd.shape == (0, 5)
    assert output[2].lengths.tolist() == [0]
    # The line break and the NUL character have no subword. "são" has the subwords s, ##a and ##o.
    assert [t.text for t in docs[4]] == ["U.N.", "hour", "-", "long", "\n\n", "São", "Paulo", "\x00", "."]
    assert output[4].lengths.tolist() == [4, 4, 1, 4, 0, 3, 5, 0, 1]


def assert_logits_of_transformers(model, tagger, n_before=1):
    text = "Kevin Durant lives in New York."
    expected = AutoModelForTokenClassification.from_pretrained(tagger).eval()
    with torch.no_grad():
        logits = expected(**AutoTokenizer.from_pretrained(tagger)(text, return_tensors="pt")).logits
    found = model.predict([spacy.blank("en")(text)])[0]
    np.testing.assert_allclose(found.dataXd, logits[0, n_before:-1].numpy(), atol=1e-5)


def test_logits_are_those_of_transformers_run_by_hand(model, tagger):
    assert_logits_of_transformers(model, tagger)


@pytest.mark.parametrize("max_batch_tokens", [64, 70, 10_000])
def test_a_doc_gets_the_same_logits_alone_and_in_any_batch(tagger, docs, max_batch_tokens):
    model = build_token_classifier_v1(str(tagger), overlap=16)
    alone = [model.predict([doc])[0].dataXd for doc in docs]
    other = build_token_classifier_v1(str(tagger), overlap=16, max_batch_tokens=max_batch_tokens)
    for order in ([0, 1, 2, 3, 4], [3, 0, 4, 2, 1]):
        together = other.predict([docs[i] for i in order])
        for i, rows in zip(order, together, strict=True):
            np.testing.assert_allclose(rows.dataXd, alone[i], atol=1e-4)


def test_a_long_doc_is_windowed_and_not_cut(model):
    doc = spacy.blank("en")(LONG)
    rows = model.predict([doc])[0]
    assert rows.lengths.min() >= 1
    assert rows.dataXd.shape[0] > 64
    assert np.abs(rows.dataXd).max(axis=1).min() > 0


def test_the_middle_of_a_window_speaks_for_a_subword(tagger):
    doc = Doc(spacy.blank("en").vocab, words=["new"] * 100)
    rows = build_token_classifier_v1(str(tagger), window=22, overlap=10).predict([doc])[0].dataXd
    # Windows have 20 subwords and start every 10. Subword 15 comes from the second window, 10 to 30, so it equals
    # subword 25.
    np.testing.assert_allclose(rows[15], rows[25], atol=1e-5)
    assert not np.allclose(rows[15], rows[16], atol=1e-3)


def test_a_window_begins_with_a_sentence(tagger):
    words = [*["new"] * 14, ".", *["york"] * 14, "."]
    vocab = spacy.blank("en").vocab
    doc, rest = Doc(vocab, words=words), Doc(vocab, words=words[15:])
    model = build_token_classifier_v1(str(tagger), window=22, overlap=8)
    # The second sentence has a separate window, so the text before it has no effect.
    rows, alone = model.predict([doc, rest])
    np.testing.assert_allclose(rows.dataXd[15:], alone.dataXd, atol=1e-5)
    model = build_token_classifier_v1(str(tagger), window=22, overlap=8, cut_at="tokens")
    assert not np.allclose(model.predict([doc])[0].dataXd[15:], alone.dataXd, atol=1e-3)


def test_sentences_that_others_have_set_begin_windows(tagger):
    words, begins = ["new"] * 15 + ["york"] * 15, [i in (0, 15) for i in range(30)]
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, words=words, sent_starts=begins), Doc(vocab, words=words[15:]), Doc(vocab, words=words)]
    rows, alone, unset = build_token_classifier_v1(str(tagger), window=22, overlap=8).predict(docs)
    np.testing.assert_allclose(rows.dataXd[15:], alone.dataXd, atol=1e-5)
    assert not np.allclose(unset.dataXd[15:], alone.dataXd, atol=1e-3)


def test_the_gradient_comes_back_through_windows_and_tokens(tagger):
    model = build_token_classifier_v1(str(tagger), window=22, overlap=10, max_batch_tokens=50)
    load_checkpoint(model)
    classifier = token_classifier.get_checkpoint(model).model.classifier
    docs = [spacy.blank("en")(text) for text in ("Kevin Durant plays.", LONG, "")]
    model.attrs["dropout_rate"] = 0.0
    output, backprop = model(docs, is_train=True)
    weights = [np.random.default_rng(i).normal(size=o.dataXd.shape).astype("f") for i, o in enumerate(output)]
    backprop([Ragged(w, o.lengths) for w, o in zip(weights, output, strict=True)])
    # The bias is added once to every stitched row, so its gradient is the sum of the gradients of all rows.
    np.testing.assert_allclose(classifier.bias.grad.numpy(), sum(w.sum(axis=0) for w in weights), rtol=1e-3, atol=1e-3)


def test_tokens_that_share_a_subword_have_one_row_and_one_gradient(model):
    load_checkpoint(model)
    doc = Doc(spacy.blank("en").vocab, words=["ne", "ts"], spaces=[False, False])  # "nets" is one subword
    output, backprop = model([doc], is_train=True)
    assert output[0].lengths.tolist() == [1, 0]
    assert output[0].is_joined.tolist() == [False, True]
    assert output[0].offsets.tolist() == [[0, 4]]
    backprop([Ragged(np.ones((1, 5), dtype="f"), output[0].lengths)])
    assert token_classifier.get_checkpoint(model).model.classifier.bias.grad.tolist() == [1.0] * 5


def test_dropout_acts_in_training_alone(model, docs):
    model.attrs["dropout_rate"] = 0.5
    plain = model.predict(docs[:1])[0].dataXd
    trained = model(docs[:1], is_train=True)[0][0].dataXd
    assert not np.allclose(trained, plain)
    np.testing.assert_array_equal(model.predict(docs[:1])[0].dataXd, plain)


def test_weights_that_are_not_finite_are_an_error(model, docs):
    with torch.no_grad():
        token_classifier.get_checkpoint(model).model.classifier.bias.fill_(float("nan"))
    with pytest.raises(BertNerError, match="returned NaN or infinite values"):
        model.predict(docs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"name": " "},
            r"\[components.<name>.model\] name = ' ' is invalid. Allowed: a folder, or the name of a repository",
        ),
        ({"window": 2}, r"window = 2 is invalid. Allowed: a whole number of at least 3"),
        (
            {"window": 20, "overlap": 20},
            r"overlap = 20 is invalid. Allowed: .* of at least 0 that is less than window = 20, such as 5",
        ),
        ({"overlap": -1}, r"overlap = -1 is invalid. Allowed: a whole number of at least 0"),
        (
            {"window": 65, "overlap": 8, "max_batch_tokens": 64},
            r"max_batch_tokens = 64 is less than the window of 65 subwords",
        ),
        ({"max_batch_tokens": 0}, r"max_batch_tokens = 0 is invalid. Allowed: a whole number of at least 1"),
    ],
)
def test_settings_are_checked_when_the_model_is_built(settings, message):
    with pytest.raises(ConfigError, match=message):
        build_token_classifier_v1(**{"name": "x", **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 65, "overlap": 8}, r"window = 65 exceeds the 64 positions that .*Allowed: 3 to 64, or null"),
        (
            {"overlap": 62},
            r"overlap = 62 is too large, because a window holds only 62 subwords .*0 to 61\. Set .*overlap 15$",
        ),
        (
            {"overlap": 8, "max_batch_tokens": 63},
            r"max_batch_tokens = 63 is less than the window of 64 subwords. Allowed: .* least 64\. .*: window = 63",
        ),
        ({"window": 10, "overlap": 8}, r"overlap = 8 is too large, because a window holds only 8 subwords"),
    ],
)
def test_windows_are_checked_when_the_checkpoint_is_known(tagger, settings, message):
    with pytest.raises(ConfigError, match=message):
        load_checkpoint(build_token_classifier_v1(str(tagger), **settings))


def test_a_checkpoint_that_the_windows_do_not_fit_is_not_loaded(tagger, docs):
    model = build_token_classifier_v1(str(tagger), window=65, overlap=8)
    for _ in range(2):
        with pytest.raises(ConfigError, match="window = 65 exceeds the 64 positions"):
            model.predict(docs)
    assert not token_classifier.has_checkpoint(model)


@pytest.mark.parametrize(("window", "overlap"), [(64, 61), (3, 0)])
def test_the_largest_and_the_smallest_windows(tagger, docs, window, overlap):
    output = build_token_classifier_v1(str(tagger), window=window, overlap=overlap, max_batch_tokens=64).predict(docs)
    assert [len(rows.lengths) for rows in output] == [len(doc) for doc in docs]


def test_a_window_that_is_not_named_has_no_more_than_128_subwords(tmp_path):
    folder = save_encoder(tmp_path, max_position_embeddings=1024)
    model = build_token_classifier_v1(str(folder))
    load_checkpoint(model, ["per"])
    checkpoint = token_classifier.get_checkpoint(model)
    batches = watch_batches(checkpoint)
    doc = Doc(spacy.blank("en").vocab, words=["new"] * 1200)
    model.predict([doc])
    assert max(map(max, batches)) == 128
    for overlap, window in ((32, 128), (40, 160), (128, 512)):
        model = build_token_classifier_v1(str(folder), overlap=overlap)
        token_classifier._shim(model).checkpoint = checkpoint
        batches.clear()
        model.predict([doc])
        assert max(map(max, batches)) == window
    named = build_token_classifier_v1(str(folder), window=1024)
    token_classifier._shim(named).checkpoint = checkpoint
    named.predict([doc])
    assert max(map(max, batches)) == 1024


def test_any_number_of_special_subwords_stands_before_the_text(tagger, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tagger)
    special = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("[CLS]", "[MASK]", "[SEP]")]
    backend = tokenizer.backend_tokenizer
    backend.post_processor = TemplateProcessing("[CLS] [MASK] $A [SEP]", special_tokens=special)
    PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]").save_pretrained(tmp_path)
    AutoModelForTokenClassification.from_pretrained(tagger).save_pretrained(tmp_path)
    assert_logits_of_transformers(build_token_classifier_v1(str(tmp_path), overlap=8), tmp_path, n_before=2)


def test_no_gradients_are_kept_in_prediction(model, docs):
    enabled = []
    embeddings = token_classifier.get_checkpoint(model).model.bert.embeddings
    embeddings.register_forward_hook(lambda *_: enabled.append(torch.is_grad_enabled()))
    model.predict(docs[:1])
    model(docs[:1], is_train=True)
    assert enabled == [False, True]


def test_weights_go_where_thinc_wants_them(tagger, monkeypatch):
    moved = []
    monkeypatch.setattr(Checkpoint, "to", lambda self, device: moved.append(device))
    monkeypatch.setattr("spacy_bert_ner.models.shim.get_torch_default_device", lambda: "the default")
    shim = build_token_classifier_v1(str(tagger), overlap=8).shims[0]
    shim.to_device("cpu", -1)  # no weights are loaded
    assert moved == []
    shim.checkpoint = Checkpoint.from_pretrained(tagger)
    shim.to_device("gpu", 1)
    shim.to_device("cpu", -1)
    assert moved == ["the default", "cuda:1", "cpu"]


def test_averaged_weights_are_used_and_put_back(model, docs):
    before = model.predict(docs[:1])[0].dataXd
    bias = token_classifier.get_checkpoint(model).model.classifier.bias
    key = model.shims[0].key("classifier.bias", bias)
    with model.use_params({key: np.full(5, 7.0, dtype="f")}):
        inside = model.predict(docs[:1])[0].dataXd
        np.testing.assert_allclose(inside, before + 7 - bias_of(before, bias, model), atol=1e-4)
    np.testing.assert_array_equal(model.predict(docs[:1])[0].dataXd, before)


def bias_of(rows, bias, model):
    """Return the bias before the change, which is read from the saved checkpoint because the block replaces it."""
    return AutoModelForTokenClassification.from_pretrained(model.attrs["name"]).classifier.bias.detach().numpy()


@pytest.mark.parametrize(
    ("get_spans", "reason"),
    [
        (lambda docs: None, "object is not iterable"),
        (lambda docs: [], "it returned 0 lists of spans for 1 Docs"),
        (lambda docs: [[(0, 5)]], "'tuple' object has no attribute 'start'"),
    ],
)
def test_a_getter_that_gives_no_spans_is_named(tagger, get_spans, reason):
    model = build_token_classifier_v1(str(tagger), overlap=8, get_spans=get_spans)
    with pytest.raises(ConfigError, match=rf"get_spans\] did not return the spans .*{reason}.* set get_spans = null"):
        model.predict([spacy.blank("en")("Nobody came.")])


def test_windows_that_are_given_leave_no_token_out(tagger):
    model = build_token_classifier_v1(
        str(tagger), overlap=8, get_spans=lambda docs: [[doc[1:1], doc[3:5]] for doc in docs]
    )
    doc = spacy.blank("en")("The U.N. held hour-long talks in São Paulo.")
    plain = build_token_classifier_v1(str(tagger), overlap=8)
    assert model.predict([doc])[0].lengths.tolist() == plain.predict([doc])[0].lengths.tolist()
