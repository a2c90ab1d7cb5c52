import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from checkpoints import ARCHITECTURES, make_config, make_tokenizer, save_esm, save_tagger
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertForSequenceClassification,
    BertForTokenClassification,
    RobertaConfig,
    RobertaForTokenClassification,
)
from transformers.utils import logging

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.checkpoints.hub import CheckpointSource
from spacy_bert_ner.errors import BertNerError, CheckpointError, ConfigError, EncoderError


@pytest.fixture
def checkpoint(tagger):
    return Checkpoint.from_pretrained(tagger)


def head(checkpoint):
    return checkpoint.model.classifier.weight.detach().numpy()


def test_the_tag_order_is_that_of_the_checkpoint(checkpoint):
    assert checkpoint.tags.tags == ("B-per", "O", "I-geo", "I-per", "B-geo")


def test_the_tag_order_is_that_of_the_numbers_not_of_the_file(tagger, tmp_path):
    folder = tmp_path / "turned"
    shutil.copytree(tagger, folder)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = dict(reversed(config["id2label"].items()))
    (folder / "config.json").write_text(json.dumps(config))
    assert Checkpoint.from_pretrained(folder).tags.tags == ("B-per", "O", "I-geo", "I-per", "B-geo")


def test_an_encoder_needs_labels(encoder):
    with pytest.raises(
        CheckpointError, match=r"is an encoder without a trained tag head.*Train a head: python -m spacy"
    ):
        Checkpoint.from_pretrained(encoder)


def test_an_encoder_gets_a_head_for_the_labels(encoder):
    checkpoint = Checkpoint.from_pretrained(encoder, labels=["per", "geo"])
    assert checkpoint.tags.tags == ("O", "B-geo", "I-geo", "B-per", "I-per")
    assert head(checkpoint).shape == (5, 32)


def test_a_trained_head_that_has_the_labels_stays(tagger, checkpoint):
    again = Checkpoint.from_pretrained(tagger, labels=["per"])
    assert again.tags.tags == checkpoint.tags.tags
    np.testing.assert_array_equal(head(again), head(checkpoint))


@pytest.mark.parametrize("labels", [["art", "eve"], ["art", "eve", "per"]])
def test_a_trained_head_for_other_labels_is_replaced_even_if_its_size_fits(tagger, checkpoint, labels):
    with pytest.warns(UserWarning, match="lacks art, eve, so it is replaced with a newly initialised head"):
        again = Checkpoint.from_pretrained(tagger, labels=labels)
    assert len(again.tags.tags) == 1 + 2 * len(labels)
    assert not np.allclose(head(again)[: len(checkpoint.tags.tags)], head(checkpoint)[: len(again.tags.tags)])


def test_a_missing_checkpoint_says_what_is_allowed(tmp_path):
    with pytest.raises(CheckpointError, match=r"No checkpoint '.*nothing' was found.*Allowed: a folder with config"):
        Checkpoint.from_pretrained(tmp_path / "nothing", local_files_only=True)


def test_a_head_that_classifies_something_else_is_never_kept(tmp_path):
    # The trained head has the same size and the same name as the new head.
    BertForSequenceClassification(make_config(num_labels=3, initializer_range=0.5)).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    old = AutoModelForSequenceClassification.from_pretrained(tmp_path).classifier.weight.detach().numpy()
    checkpoint = Checkpoint.from_pretrained(tmp_path, labels=["per"])
    assert head(checkpoint).shape == old.shape == (3, 32)
    assert not np.allclose(head(checkpoint), old)


def test_tags_without_prefixes_are_refused(tmp_path):
    BertForTokenClassification(make_config(id2label={0: "NOUN", 1: "VERB"})).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(
        CheckpointError,
        match=r"These tags do not form a tag scheme: NOUN, VERB.*tag_scheme = \"plain\"",
    ):
        Checkpoint.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"{}"),
        ("config.json", b"[]"),
        ("config.json", b'{"model_type": "no-such-type"}'),
        ("model.safetensors", b"no tensors"),
    ],
)
def test_damaged_files_are_an_error_of_the_checkpoint(tagger, tmp_path, name, content):
    folder = tmp_path / "damaged"
    shutil.copytree(tagger, folder)
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=".*damaged' cannot be loaded"):
        Checkpoint.from_pretrained(folder)


def copy_of(folder, target, **changes):
    """Copy a checkpoint and change its `config.json`. None removes a key."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text()) | changes
    config = {key: value for key, value in config.items() if value is not None}
    (target / "config.json").write_text(json.dumps(config))
    return target


@pytest.mark.parametrize("tags", [{"0": "O", "1": None}, {"0": "O", "2": "B-per"}, {"1": "O", "2": "B-per"}, {}])
def test_tags_with_a_gap_are_refused(tagger, tmp_path, tags):
    with pytest.raises(CheckpointError, match=r"has id2label = .*Allowed: a tag for each number from 0"):
        Checkpoint.from_pretrained(copy_of(tagger, tmp_path / "x", id2label=tags, label2id=None, num_labels=None))


@pytest.mark.parametrize("tags", [["O", "B-per"], "O"])
def test_tags_that_are_no_table_are_refused(tagger, tmp_path, tags):
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Checkpoint.from_pretrained(copy_of(tagger, tmp_path / "x", id2label=tags, label2id=None))


def test_fewer_tags_than_rows_are_refused(tagger, tmp_path):
    folder = copy_of(tagger, tmp_path / "x", id2label={"0": "O", "1": "B-per"}, label2id=None)
    with pytest.raises(CheckpointError, match=r"does not match the shapes of these weights: classifier.bias, clas"):
        Checkpoint.from_pretrained(folder)


def test_an_encoder_of_another_shape_is_refused(encoder, tmp_path):
    folder = copy_of(encoder, tmp_path / "x", intermediate_size=48)
    with pytest.raises(CheckpointError, match=r"match the shapes of these weights: .*encoder.layer.0.intermediate"):
        Checkpoint.from_pretrained(folder, labels=["per"])


def without(folder, part):
    weights = {key: value for key, value in load_file(folder / "model.safetensors").items() if part not in key}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_head_without_weights_is_none(tagger, tmp_path):
    folder = without(copy_of(tagger, tmp_path / "x"), "classifier")
    with pytest.raises(EncoderError, match=r"is an encoder without a trained tag head"):
        Checkpoint.from_pretrained(folder)
    with pytest.raises(EncoderError, match=r"is an encoder without a trained tag head"):
        Checkpoint.from_pretrained(folder, labels=[])  # as if there were no examples
    assert Checkpoint.from_pretrained(folder, labels=["per"]).tags.labels == ("geo", "per")


def test_a_trained_head_that_lacks_weights_of_its_encoder_is_refused(tagger, tmp_path):
    folder = without(copy_of(tagger, tmp_path / "x"), "layer.1.output.dense.weight")
    with pytest.raises(CheckpointError, match="lacks some weights of its encoder, so these are random: bert.encoder"):
        Checkpoint.from_pretrained(folder)


def test_an_encoder_that_lacks_a_layer_is_told(encoder, tmp_path):
    folder = without(copy_of(encoder, tmp_path / "x"), "layer.1.output.dense.weight")
    message = "lacks some weights of its encoder, so these are random: bert.encoder.layer.1.output.dense.weight"
    with pytest.warns(UserWarning, match=message):
        Checkpoint.from_pretrained(folder, labels=["per"])


def test_without_architectures_the_tags_and_the_weights_tell(tagger, encoder, tmp_path):
    folder = copy_of(tagger, tmp_path / "x", architectures=None)
    assert Checkpoint.from_pretrained(folder).tags.tags == ("B-per", "O", "I-geo", "I-per", "B-geo")
    with pytest.raises(EncoderError, match=r"is an encoder"):
        Checkpoint.from_pretrained(copy_of(encoder, tmp_path / "y", architectures=None))


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("kept", [[], ["tokenizer_config.json"]])
def test_a_checkpoint_without_a_tokenizer_is_refused(checkpoints, tmp_path, name, kept):
    for file in ("config.json", "model.safetensors", *kept):
        shutil.copy(checkpoints[name] / file, tmp_path)
    with pytest.raises(
        CheckpointError, match=r"has no tokenizer that can be loaded. Allowed: tokenizer.json in the folder"
    ):
        Checkpoint.from_pretrained(tmp_path)


def test_a_damaged_tokenizer_is_refused(tagger, tmp_path):
    folder = copy_of(tagger, tmp_path / "x")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="has no tokenizer that can be loaded"):
        Checkpoint.from_pretrained(folder)


def test_iob2_is_known_of_heads_that_are_trained_here(encoder, tagger, tmp_path):
    assert Checkpoint.from_pretrained(tagger).tags.scheme == "IOB"
    assert Checkpoint.from_pretrained(tagger, labels=["per"]).tags.scheme == "IOB2"
    trained = Checkpoint.from_pretrained(encoder, labels=["per"])
    trained.save(tmp_path / "model")
    assert Checkpoint.from_pretrained(tmp_path / "model").tags.scheme == "IOB2"


def test_positions_behind_padding_are_not_counted_twice(tmp_path):
    config = RobertaConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
        pad_token_id=1,
    )
    config.id2label = {0: "O", 1: "B-per"}
    RobertaForTokenClassification(config).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    assert Checkpoint.from_pretrained(tmp_path).max_window == 64


def test_pickled_weights_are_refused(tagger, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(tagger, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"in pytorch_model.bin, .* convert them once: python"):
        Checkpoint.from_pretrained(folder)


def test_saved_files_are_a_plain_checkpoint(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "model")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {p.name for p in (tmp_path / "model").iterdir()}
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "model")
    assert list(model.config.id2label.values()) == ["B-per", "O", "I-geo", "I-per", "B-geo"]
    np.testing.assert_array_equal(model.classifier.weight.detach().numpy(), head(checkpoint))


def test_files_in_memory_give_the_same_checkpoint(checkpoint):
    again = Checkpoint.from_files(checkpoint.to_files(), "some name")
    assert (again.name, again.tags) == ("some name", checkpoint.tags)
    np.testing.assert_array_equal(head(again), head(checkpoint))


def test_tokenize_gives_offsets_and_is_never_cut_or_padded(tagger, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(tagger, folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["truncation"] = {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    tokenizer["padding"] = {
        "strategy": {"Fixed": 8},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    ids, offsets, _ = Checkpoint.from_pretrained(folder).tokenize(["Kevin lives in New York."])[0]
    assert len(ids) == 6
    assert offsets.tolist() == [[0, 5], [6, 11], [12, 14], [15, 18], [19, 23], [23, 24]]


def test_offsets_count_characters(checkpoint):
    _, offsets, _ = checkpoint.tokenize(["é 😀 é"])[0]
    assert offsets.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_pad_adds_special_subwords_and_a_mask(checkpoint):
    ids, mask = checkpoint.pad([np.array([9, 8]), np.array([7])])
    assert ids.tolist() == [[2, 9, 8, 3], [2, 7, 3, 0]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


def test_the_longest_window_is_what_the_positions_allow(checkpoint):
    assert checkpoint.max_window == 64


def test_a_tokenizer_without_offsets_is_refused():
    class Slow:
        is_fast = False

    with pytest.raises(CheckpointError, match="The tokenizer of 'x' \\(Slow\\) is not a fast tokenizer"):
        Checkpoint(BertForTokenClassification(make_config()), Slow(), "x")


def test_a_checkpoint_whose_tokenizer_has_no_fast_version_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="The tokenizer of '.*' \\(EsmTokenizer\\) is not a fast tokenizer"):
        Checkpoint.from_pretrained(save_esm(tmp_path))


def test_dropout_reaches_every_module(checkpoint):
    checkpoint.set_dropout(0)  # an integer, which users can also pass
    checkpoint.set_dropout(0.37)
    rates = [m.p for m in checkpoint.model.modules() if isinstance(m, torch.nn.Dropout)]
    assert len(rates) == 8  # embeddings, three in each of two layers, and the head
    assert set(rates) == {0.37}


def test_half_precision_weights_are_loaded_as_float32(tmp_path):
    id2label = {0: "O", 1: "B-per"}
    BertForTokenClassification(make_config(id2label=id2label)).half().save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    assert {p.dtype for p in Checkpoint.from_pretrained(tmp_path).model.parameters()} == {torch.float32}


def test_without_a_network_the_error_says_what_to_do():
    # The tests run with `HF_HUB_OFFLINE=1`.
    with pytest.raises(CheckpointError, match=r"cannot be reached.*Allowed: a local folder, as in .*hf download me/x"):
        Checkpoint.from_pretrained("me/x")


def test_a_folder_has_no_revision(tagger):
    with pytest.raises(ConfigError, match="revision = 'v1' is invalid. Allowed: null, because name = .* is a folder"):
        Checkpoint.from_pretrained(tagger, revision="v1")


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (("O", "B-per", "I-per"), "IOB"),
        (("O", "I-per"), "IOB1"),
        (("O", "I-per", "E-per"), "IOE"),
        (("B-per", "U-per", "O"), "BILUO"),
        (("O", "B-per", "I-per", "E-per", "S-per"), "IOBES"),
        (("O", "B-per", "M-per", "E-per", "S-per"), "BMES"),
        (("W-per", "B-per", "M-per", "E-per", "O"), "BMEWO"),
        (("PER", "O", "creative-work"), "plain"),
    ],
)
def test_the_scheme_is_told_from_the_tags(tmp_path, tags, scheme):
    checkpoint = Checkpoint.from_pretrained(save_tagger(tmp_path, *tags))
    assert (checkpoint.tags.tags, checkpoint.tags.scheme) == (tags, scheme)


def test_a_named_scheme_is_kept_in_the_saved_checkpoint(tmp_path):
    folder = save_tagger(tmp_path / "a", "O", "B-per", "I-per")
    checkpoint = Checkpoint.from_pretrained(folder, tag_scheme="IOB1")
    checkpoint.save(tmp_path / "b")
    assert Checkpoint.from_pretrained(tmp_path / "b").tags.scheme == "IOB1"
    assert Checkpoint.from_files(checkpoint.to_files(), "c").tags.scheme == "IOB1"
    assert Checkpoint.from_pretrained(tmp_path / "b", tag_scheme="IOB2").tags.scheme == "IOB2"


def test_where_nothing_is_trained_ambiguous_tags_stay_ambiguous(tmp_path):
    folder = save_tagger(tmp_path, "O", "B-per", "I-per")
    assert (
        Checkpoint.from_pretrained(folder).tags.scheme
        == Checkpoint.from_pretrained(folder, labels=[]).tags.scheme
        == "IOB"
    )


def test_a_head_whose_tags_cannot_be_read_gives_way_with_a_warning(tmp_path):
    folder = save_tagger(tmp_path, "O", "B_per", "I_per")
    with pytest.warns(
        UserWarning, match="replaced with a new head, because its tags cannot be interpreted. These tags do not form a"
    ):
        assert Checkpoint.from_pretrained(folder, labels=["per"]).tags.tags == ("O", "B-per", "I-per")


def test_a_head_that_gives_way_keeps_no_weights_even_without_architectures(tagger, tmp_path):
    folder = copy_of(tagger, tmp_path / "x", architectures=None)
    with pytest.warns(UserWarning, match="is replaced with a newly initialised head"):
        new = Checkpoint.from_pretrained(folder, labels=["art", "eve"])
    assert head(new).shape == head(Checkpoint.from_pretrained(tagger)).shape
    assert not np.allclose(head(new), head(Checkpoint.from_pretrained(tagger)))


def test_a_scheme_that_is_no_string_in_config_json_is_not_ours(tmp_path):
    assert (
        Checkpoint.from_pretrained(save_tagger(tmp_path, "O", "B-per", "I-per", tag_scheme=["x"])).tags.scheme == "IOB"
    )


def test_a_name_that_is_too_long_for_a_folder():
    with pytest.raises(CheckpointError, match="Allowed: a"):
        Checkpoint.from_pretrained("a" * 300)


def test_subwords_that_the_encoder_does_not_know_are_told(tagger, tmp_path):
    folder = copy_of(tagger, tmp_path / "x")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["zebra"])
    tokenizer.save_pretrained(folder)
    checkpoint = Checkpoint.from_pretrained(folder)
    n = checkpoint.model.config.vocab_size
    with pytest.raises(BertNerError, match=f"returned the subword ID {n}, but the encoder has only {n} subwords"):
        checkpoint.pad([checkpoint.tokenize(["a zebra"])[0].ids])


def test_training_writes_ambiguous_tags_in_iob2_and_ioe2(tmp_path):
    assert (
        Checkpoint.from_pretrained(save_tagger(tmp_path / "b", "O", "B-per", "I-per"), labels=["per"]).tags.scheme
        == "IOB2"
    )
    assert (
        Checkpoint.from_pretrained(save_tagger(tmp_path / "e", "O", "I-per", "E-per"), labels=["per"]).tags.scheme
        == "IOE2"
    )


def test_a_strange_scheme_in_the_config_is_not_ours(tmp_path):
    assert Checkpoint.from_pretrained(save_tagger(tmp_path, "O", "B-per", "I-per", tag_scheme="x")).tags.scheme == "IOB"


def test_plain_labels_have_to_be_named_where_they_do_not_tell(tmp_path):
    folder = save_tagger(tmp_path, "NOUN", "VERB")
    assert Checkpoint.from_pretrained(folder, tag_scheme="plain").tags.labels == ("NOUN", "VERB")


def test_a_label_is_added_to_every_kind_of_head(checkpoints):
    for name in ARCHITECTURES:
        checkpoint = Checkpoint.from_pretrained(checkpoints[name])
        ids, mask = checkpoint.pad([checkpoint.tokenize(["Kevin lives in New York"])[0].ids])
        with torch.no_grad():
            before = checkpoint.forward(ids, mask)
            checkpoint.add_labels(["art"])
            after = checkpoint.forward(ids, mask)
        assert after.shape[2] == before.shape[2] + 2, name
        np.testing.assert_allclose(after[:, :, : before.shape[2]], before, atol=1e-5, err_msg=name)
        assert checkpoint.tags.tags[-2:] == ("B-art", "I-art")


def test_what_is_asked_of_transformers(monkeypatch, tagger):
    """Test that transformers is only called with folders, without access to the Hub and without remote code."""
    asked, classes = [], ("AutoConfig", "AutoModelForTokenClassification", "AutoTokenizer")

    def stand_in(name):
        real = getattr(transformers, name)

        def from_pretrained(source, **options):
            asked.append((source, options["local_files_only"], options["trust_remote_code"], "revision" in options))
            return real.from_pretrained(source, **options)

        return SimpleNamespace(from_pretrained=from_pretrained, from_config=getattr(real, "from_config", None))

    for name in classes:
        monkeypatch.setattr(transformers, name, stand_in(name))
    monkeypatch.setattr(
        "spacy_bert_ner.checkpoints.checkpoint.locate_checkpoint",
        lambda name, **_: CheckpointSource(name, tagger, "0123abc"),
    )
    Checkpoint.from_pretrained("me/x", revision="v1")
    Checkpoint.load_tokenizer_only("me/x")
    assert asked == [(tagger, True, False, False)] * 5


def test_a_scheme_that_the_tags_do_not_tell_is_read_from_the_saved_checkpoint(tmp_path):
    checkpoint = Checkpoint.from_pretrained(save_tagger(tmp_path / "a", "NOUN", "VERB"), tag_scheme="plain")
    checkpoint.save(tmp_path / "b")
    assert Checkpoint.from_pretrained(tmp_path / "b").tags.labels == ("NOUN", "VERB")


def test_a_head_is_found_where_a_layer_below_it_has_its_size(tmp_path):
    checkpoint = Checkpoint.from_pretrained(save_tagger(tmp_path, "O", "B-per", "I-per", intermediate_size=3))
    ids, mask = checkpoint.pad([np.array([9, 8])])
    with torch.no_grad():
        before = checkpoint.forward(ids, mask)
        checkpoint.add_labels(["art"])
        after = checkpoint.forward(ids, mask)
    np.testing.assert_allclose(after[:, :, :3], before, atol=1e-6)


@pytest.mark.parametrize("way", ["add_label", "new head"])
def test_new_rows_have_weights_as_the_checkpoint_begins_with(tmp_path, way):
    folder = save_tagger(tmp_path, "O", "B-per", "I-per", initializer_range=0.5)
    torch.manual_seed(0)
    if way == "add_label":
        checkpoint = Checkpoint.from_pretrained(folder)
        checkpoint.add_labels(["art"])
    else:
        with pytest.warns(UserWarning, match="is replaced with a newly initialised head"):
            checkpoint = Checkpoint.from_pretrained(folder, labels=["art"])
    classifier = checkpoint.model.classifier
    assert 0.35 < classifier.weight[-2:].std().item() < 0.65
    assert classifier.bias[-2:].tolist() == [0, 0]


@pytest.mark.parametrize("way", ["add_label", "new head"])
def test_tags_and_their_ids_are_saved_both_ways_round(tmp_path, way):
    folder = save_tagger(tmp_path / "a", "O", "B-per", "I-per")
    if way == "add_label":
        checkpoint = Checkpoint.from_pretrained(folder)
        checkpoint.add_labels(["art"])
    else:
        with pytest.warns(UserWarning, match="is replaced with a newly initialised head"):
            checkpoint = Checkpoint.from_pretrained(folder, labels=["art", "per"])
    tags = checkpoint.tags.tags
    assert checkpoint.model.num_labels == len(tags) == 5
    checkpoint.save(tmp_path / "b")
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    assert config["id2label"] == {str(i): tag for i, tag in enumerate(tags)}
    assert config["label2id"] == {tag: i for i, tag in enumerate(tags)}


@pytest.mark.parametrize(("said", "window"), [(100, 100), (10**30, 512)])
def test_without_position_embeddings_the_tokenizer_tells_the_longest_window(checkpoint, said, window):
    checkpoint.subword_encoder.model = SimpleNamespace(config=SimpleNamespace())
    checkpoint.tokenizer.model_max_length = said
    assert checkpoint.max_window == window


def test_windows_are_padded_with_what_the_tokenizer_pads_with(checkpoints):
    checkpoint = Checkpoint.from_pretrained(checkpoints["roberta"])
    ids, _ = checkpoint.pad([np.array([9, 8]), np.array([7])])
    assert ids.tolist() == [[0, 9, 8, 2], [0, 7, 2, 1]]


def test_dropout_reaches_rates_that_are_no_modules(checkpoints):
    checkpoint = Checkpoint.from_pretrained(checkpoints["modernbert"])
    checkpoint.set_dropout(0)
    checkpoint.set_dropout(0.37)
    assert [layer.attn.attention_dropout for layer in checkpoint.model.model.layers] == [0.37, 0.37]


def test_transformers_is_as_talkative_afterwards_as_before(tagger):
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    try:
        for level, switch in (
            (logging.INFO, logging.enable_progress_bar),
            (logging.ERROR, logging.disable_progress_bar),
        ):
            logging.set_verbosity(level)
            switch()
            expected = logging.is_progress_bar_enabled()
            Checkpoint.from_pretrained(tagger)
            assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, expected)
    finally:
        logging.set_verbosity(verbosity)
        (logging.enable_progress_bar if bars else logging.disable_progress_bar)()


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_without_weights_windows_and_subwords_are_the_same(checkpoints, name):
    whole, light = Checkpoint.from_pretrained(checkpoints[name]), Checkpoint.load_tokenizer_only(checkpoints[name])
    text = "Kevin Durant plays for São Paulo."
    assert (light.max_window, light.n_special) == (whole.max_window, whole.n_special)
    assert light.tokenize([text])[0].ids.tolist() == whole.tokenize([text])[0].ids.tolist()


@pytest.mark.parametrize(("n", "multiple", "expected"), [(3, 4, 8), (2, 4, 4), (3, 1, 5), (59, 8, 64), (60, 5, 64)])
def test_padding_goes_on_to_a_multiple_where_there_are_positions(tagger, n, multiple, expected):
    """Test a window with `n` subwords and two special subwords. The encoder has 64 positions."""
    ids, mask = Checkpoint.from_pretrained(tagger).pad([np.full(n, 9)], multiple)
    assert ids.shape == mask.shape == (1, expected)
    assert mask.sum() == n + 2
    assert (ids[0, n + 2 :] == 0).all()
