"""Test that every setting is validated when the pipeline is created.

`test_prediction.py` and `test_token_classifier.py` test the effects of the settings.
"""

import json
import re
from dataclasses import asdict

import pytest
import spacy
import torch
from checkpoints import watch_batches
from spacy.tokens import Span
from spacy.training import Example
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.pipeline.settings import Settings

pytestmark = pytest.mark.usefixtures("few_exceptions")

BAD = [
    ("subword_labels", "last", '"first", "all"'),
    ("subword_labels", 1, '"first", "all"'),
    ("decoding", "beam", '"viterbi", "greedy"'),
    ("decoding", None, '"viterbi", "greedy"'),
    ("respect_sentences", "yes", "true, false"),
    ("respect_sentences", 1, "true, false"),
    ("overwrite", "no", "true, false"),
    ("overwrite", None, "true, false"),
    ("spans_key", "", "a span group name, or null to disable scores"),
    ("spans_key", "  ", "a span group name, or null to disable scores"),
    ("spans_key", 3, "a span group name, or null to disable scores"),
    ("score_attribute", "", 'a name that can follow "ent._.", such as "bert_ner_score", or null'),
    ("score_attribute", 1, 'a name that can follow "ent._.", such as "bert_ner_score", or null'),
    ("score_attribute", "my score", 'a name that can follow "ent._.", such as "bert_ner_score", or null'),
    ("score_attribute", "span._.score", 'a name that can follow "ent._.", such as "bert_ner_score", or null'),
    ("score_attribute", "class", 'a name that can follow "ent._.", such as "bert_ner_score", or null'),
    ("score_attribute", "get", 'a name that can follow "ent._.", such as "bert_ner_score", or null'),
    ("score_attribute", "_score", 'a name that can follow "ent._.", such as "bert_ner_score", or null'),
    ("incorrect_spans_key", "", 'null, or the name of a span group with incorrect spans, such as "incorrect_spans"'),
    ("incorrect_spans_key", True, 'null, or the name of a span group with incorrect spans, such as "incorrect_spans"'),
    (
        "incorrect_spans_key",
        "bert_ner",
        'null, or the name of a span group with incorrect spans, such as "incorrect_spans". It must differ',
    ),
    ("thresholds", 0.5, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": 1.5}, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": -0.1}, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": "high"}, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": True}, "numbers from 0 to 1 by label"),
    ("class_weights", "auto", 'null, "balanced", or positive numbers by label and for O'),
    ("class_weights", 2.0, 'null, "balanced", or positive numbers by label and for O'),
    ("class_weights", {"per": 0}, 'null, "balanced", or positive numbers by label and for O'),
    ("class_weights", {"per": -1.0}, 'null, "balanced", or positive numbers by label and for O'),
    ("class_weights", {"per": "high"}, 'null, "balanced", or positive numbers by label and for O'),
    ("objective", "sequence", '"tokens", "sequences"'),
    ("objective", None, '"tokens", "sequences"'),
    ("focal_gamma", -1.0, "0 for plain cross-entropy, or a positive number"),
    ("focal_gamma", None, "0 for plain cross-entropy, or a positive number"),
    ("focal_gamma", True, "0 for plain cross-entropy, or a positive number"),
    ("label_smoothing", 1.0, "a number from 0 to less than 1"),
    ("label_smoothing", -0.1, "a number from 0 to less than 1"),
    ("label_smoothing", "some", "a number from 0 to less than 1"),
    ("model.name", "", "a folder, or the name of a repository on the Hugging Face Hub"),
    ("model.revision", " ", "a commit, branch or tag on the Hugging Face Hub, or null"),
    ("model.tag_scheme", "BIOS", '"IOB1", "IOB2", "IOE1", "IOE2", "BILUO", "IOBES", "BMES", "BMEWO", "plain", or null'),
    (
        "model.tag_scheme",
        ["IOB2"],
        '"IOB1", "IOB2", "IOE1", "IOE2", "BILUO", "IOBES", "BMES", "BMEWO", "plain", or null',
    ),
    ("model.tag_map", "LABEL_1", 'null, a table of tags, such as {"LABEL_1": "B-per"}, or a list of pairs of'),
    ("model.tag_map", {}, "null, a table of tags"),
    ("model.tag_map", [], "null, a table of tags"),
    ("model.tag_map", {"LABEL_1": 1}, "null, a table of tags"),
    ("model.tag_map", {"LABEL_1": ""}, "null, a table of tags"),
    ("model.tag_map", {"LABEL_1": None}, "null, a table of tags"),
    ("model.tag_map", [["LABEL_1", "B-per", "O"]], "null, a table of tags"),
    ("model.tag_map", [["LABEL_1", " "]], "null, a table of tags"),
    ("model.tag_map", [["X", "O"], ["X", "B-per"]], "null, a table of tags"),
    ("model.tag_map", ["XO"], "null, a table of tags"),
    ("model.window", 2, "a whole number of at least 3, or null"),
    ("model.window", True, "a whole number of at least 3, or null"),
    ("model.overlap", -1, "a whole number of at least 0"),
    ("model.overlap", None, "a whole number of at least 0"),
    ("model.overlap", 1.5, "a whole number of at least 0"),
    ("model.cut_at", "paragraphs", '"sentences", "tokens"'),
    ("model.cut_at", None, '"sentences", "tokens"'),
    ("model.get_spans", "sentences", "null, or a section that defines a span getter"),
    ("model.max_batch_tokens", 0, "a whole number of at least 1"),
    ("model.max_batch_tokens", "all", "a whole number of at least 1"),
    ("model.name", 7, "a folder, or the name of a repository on the Hugging Face Hub"),
    ("model.frozen_layers", -1, "a whole number of at least 0, where 0 freezes nothing"),
    ("model.frozen_layers", None, "a whole number of at least 0, where 0 freezes nothing"),
    ("model.frozen_layers", 1.0, "a whole number of at least 0, where 0 freezes nothing"),
    ("model.reset_layers", -1, 'a whole number of at least 0, where 0 resets nothing, or "auto"'),
    ("model.reset_layers", True, 'a whole number of at least 0, where 0 resets nothing, or "auto"'),
    ("model.gradient_checkpointing", 1, "true, false"),
    ("model.gradient_checkpointing", "yes", "true, false"),
    ("model.precision", "fp8", '"fp32", "bf16", "fp16", "auto"'),
    ("model.precision", None, '"fp32", "bf16", "fp16", "auto"'),
    (
        "model.runtime",
        "fast",
        'null, or a section with @misc = "spacy_bert_ner.TorchRuntime.v1" or "spacy_bert_ner.Onnx',
    ),
    (
        "model.runtime",
        {},
        'null, or a section with @misc = "spacy_bert_ner.TorchRuntime.v1" or "spacy_bert_ner.OnnxRunt',
    ),
]


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_the_error_names_key_value_and_what_is_allowed(key, value, allowed):
    *section, name = key.split(".")
    config = {"model": {name: value}} if section else {name: value}
    # A model does not know the name of its component.
    place = "components.<name>.model" if section else "components.bert_ner"
    with pytest.raises(ConfigError) as error:
        spacy.blank("en").add_pipe("bert_ner", config=config)
    assert str(error.value).startswith(f"[{place}] {name} = {value!r} is invalid. Allowed: {allowed}")


def test_the_name_of_the_component_is_in_the_message():
    with pytest.raises(ConfigError, match=r"\[components.second\] decoding = 'x'"):
        spacy.blank("en").add_pipe("bert_ner", name="second", config={"decoding": "x"})


def test_thresholds_need_scores():
    with pytest.raises(ConfigError, match="thresholds = {'per': 0.5} .*Allowed: none while spans_key = null"):
        spacy.blank("en").add_pipe("bert_ner", config={"spans_key": None, "thresholds": {"per": 0.5}})


def test_the_name_of_an_attribute_needs_scores():
    allowed = '"score" or null while spans_key = null. To enable scores, set spans_key'
    with pytest.raises(ConfigError, match=f"score_attribute = 'certainty' is invalid. Allowed: {allowed}"):
        spacy.blank("en").add_pipe("bert_ner", config={"spans_key": None, "score_attribute": "certainty"})
    spacy.blank("en").add_pipe("bert_ner", config={"spans_key": None, "score_attribute": None})


def test_the_defaults_of_the_settings_are_those_of_the_factory():
    defaults = spacy.blank("en").get_factory_meta("bert_ner").default_config
    assert asdict(Settings()) == {key: defaults[key] for key in asdict(Settings())}


def test_thresholds_are_for_labels():
    with pytest.raises(ConfigError, match=r"thresholds = \{3: 0.5\} is invalid. Allowed: numbers from 0"):
        Settings(thresholds={3: 0.5}).check("bert_ner")


def test_label_smoothing_does_not_go_with_the_focal_loss():
    with pytest.raises(ConfigError, match=r"label_smoothing = 0.1 .*Allowed: 0 while focal_gamma = 2.0, because"):
        spacy.blank("en").add_pipe("bert_ner", config={"focal_gamma": 2.0, "label_smoothing": 0.1})


def test_the_label_of_every_weight_is_checked():
    with pytest.raises(
        ConfigError, match=r"\[components.x.class_weights\] PER = 2 .*Allowed: O and the labels geo, per"
    ):
        Settings(class_weights={"O": 0.5, "per": 1.5, "PER": 2}).check_labels("x", ("geo", "per"))


@pytest.mark.parametrize("threshold", [0, 0.0, 1, 1.0])
def test_thresholds_from_0_to_1_are_allowed(threshold):
    Settings(thresholds={"per": threshold}).check("bert_ner")


def test_the_label_of_every_threshold_is_checked():
    with pytest.raises(ConfigError, match=r"\[components.x.thresholds\] PER = 0.5 .*Allowed: the labels geo, per"):
        Settings(thresholds={"per": 0.5, "PER": 0.5}).check_labels("x", ("geo", "per"))


@pytest.mark.parametrize("method", ["initialize", "calibrate"])
def test_the_labels_of_thresholds_are_checked_when_weights_are_loaded(method, tagger):
    pipe = spacy.blank("en").add_pipe(
        "bert_ner", config={"model": {"name": str(tagger), "overlap": 8}, "thresholds": {"PER": 0.5}}
    )
    doc = spacy.blank("en")("Kevin")
    examples = [Example(doc, doc)]
    with pytest.raises(ConfigError, match="PER = 0.5 is invalid. Allowed: the labels geo, per"):
        pipe.initialize(lambda: examples) if method == "initialize" else pipe.calibrate(examples)


@pytest.mark.parametrize("way", ["disk", "bytes"])
def test_the_labels_of_thresholds_are_checked_when_a_pipeline_is_loaded(way, tagger, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.to_disk(tmp_path)
    with pytest.raises(ConfigError, match="PER = 0.5 is invalid. Allowed: the labels geo, per"):
        if way == "disk":
            spacy.load(tmp_path, config={"components.bert_ner.thresholds": {"PER": 0.5}})
        else:
            other = spacy.blank("en")
            model = {"name": str(tagger), "overlap": 8}
            other.add_pipe("bert_ner", config={"model": model, "thresholds": {"PER": 0.5}})
            other.from_bytes(nlp.to_bytes())


def test_an_unknown_key_is_refused():
    with pytest.raises(ValueError, match="treshold"):
        spacy.blank("en").add_pipe("bert_ner", config={"treshold": 0.5})


# One change for each key, and its effect. The keys are compared with the defaults, so that no new key is forgotten.

TEXT = "Kevin Durant lives in New York . Mr. O'Neill lives in Brooklyn . " * 4


def entities(nlp, doc=None):
    doc = nlp(TEXT if doc is None else doc)
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def with_entity(nlp):
    doc = nlp.make_doc(TEXT)
    doc.set_ents([Span(doc, 1, 3, label="mine")])
    return entities(nlp, doc)


def with_sentences(nlp):
    doc = nlp.make_doc(TEXT)
    for token in doc:
        token.is_sent_start = True
    return entities(nlp, doc)


def trained_on(nlp):
    doc = nlp.make_doc("Mr. O'Neill")
    gold = nlp.make_doc("Mr. O'Neill")
    gold.set_ents([Span(gold, 0, 2, label="per")])
    gold.spans["incorrect_spans"] = [Span(gold, 0, 1, label="per")]
    pipe = nlp.get_pipe("bert_ner")
    loss, _ = pipe.get_loss([Example(doc, gold)], pipe.model.predict([doc]))
    return float(loss), loss.weight


def scores(nlp):
    return sorted(nlp.evaluate([Example(nlp.make_doc(TEXT), nlp.make_doc(TEXT))]))


def batches(nlp, text=TEXT):
    nlp("")
    watched = watch_batches(nlp.get_pipe("bert_ner").model.shims[0].checkpoint)
    nlp(text)
    return watched


def opened(nlp):
    try:
        return nlp("Kevin") and "opened"
    except ConfigError as e:
        return str(e).partition(" is not")[0]


def trained(nlp):
    """Return the loss for one batch, the parameters with a gradient, and the number of first-layer passes."""
    nlp("")
    pipe, count = nlp.get_pipe("bert_ner"), []
    module = pipe.model.shims[0].checkpoint.model
    module.bert.encoder.layer[0].intermediate.register_forward_hook(lambda *_: count.append(1))
    doc = nlp.make_doc(TEXT)
    gold = nlp.make_doc(TEXT)
    gold.set_ents([Span(gold, 0, 2, label="per")])
    loss = pipe.update([Example(doc, gold)])["bert_ner"]
    return loss, [name for name, param in module.named_parameters() if param.grad is not None], len(count)


def logits(nlp):
    return nlp.get_pipe("bert_ner").model.predict([nlp.make_doc(TEXT)])[0].dataXd.tolist()


def offsets(nlp):
    """Return the character offsets of entities at subword level."""
    doc = nlp(TEXT)
    return doc.spans["bert_ner"].attrs["offsets"].tolist()


def subwords(nlp):
    """Return the subwords of a text after initialization."""
    gold = nlp.make_doc("Kevin")
    gold.set_ents([Span(gold, 0, 1, label="per")])
    nlp.initialize(lambda: [Example(nlp.make_doc("Kevin"), gold)])
    return nlp.get_pipe("bert_ner").model.shims[0].checkpoint.tokenize(["Kevin"])[0].ids.tolist()


def top_layer(nlp):
    """Return the sum of a matrix in the highest layer after a new label has caused a new head."""
    torch.manual_seed(0)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Kevin"), {"entities": [(0, 5, "new")]})])
    model = nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model
    return float(model.get_parameter("bert.encoder.layer.1.output.dense.weight").detach().sum())


@spacy.registry.misc("tests.halves")
def make_halves():
    return lambda docs: [[doc[: len(doc) // 2], doc[len(doc) // 2 :]] for doc in docs]


EFFECTS = {
    "subword_labels": ("all", trained_on),
    "objective": ("sequences", trained_on),
    "subword_reading": ("any", offsets),
    "decoding": ("greedy", entities),
    "respect_sentences": (False, with_sentences),
    "overwrite": (True, with_entity),
    "spans_key": (None, lambda nlp: list(nlp(TEXT).spans)),
    "score_attribute": ("certainty", lambda nlp: {key[1] for key in nlp(TEXT).user_data}),
    "thresholds": ({"per": 1.0}, entities),
    "class_weights": ({"per": 2.0}, trained_on),
    "focal_gamma": (2.0, trained_on),
    "label_smoothing": (0.1, trained_on),
    "labels": (["geo"], lambda nlp: (nlp(""), nlp.get_pipe("bert_ner").labels)[1]),
    "label_map": ({"geo": "loc"}, lambda nlp: (nlp(""), nlp.get_pipe("bert_ner").labels)[1]),
    "incorrect_spans_key": ("incorrect_spans", trained_on),
    "scorer": (None, scores),
    "model.name": ("the other", entities),
    "model.revision": ("v1", opened),
    "model.tag_scheme": ("plain", lambda nlp: (nlp(""), nlp.get_pipe("bert_ner").labels)[1]),
    "model.tag_map": ({"B-per": "B-x"}, lambda nlp: (nlp(""), nlp.get_pipe("bert_ner").labels)[1]),
    "model.window": (20, batches),
    "model.overlap": (50, lambda nlp: batches(nlp, TEXT.replace(".", "and"))),
    "model.cut_at": ("tokens", batches),
    "model.get_spans": ({"@misc": "tests.halves"}, batches),
    "model.max_batch_tokens": (64, batches),
    "model.frozen_layers": (1, lambda nlp: trained(nlp)[1]),
    "model.reset_layers": (1, top_layer),
    "model.gradient_checkpointing": (True, lambda nlp: trained(nlp)[2]),
    "model.precision": ("bf16", lambda nlp: trained(nlp)[0]),
    "model.mark_case": (True, subwords),
    "model.runtime": ({"@misc": "spacy_bert_ner.TorchRuntime.v1", "precision": "bf16"}, logits),
}


@pytest.mark.parametrize(
    ("key", "value", "default"),
    [
        ("subword_labels", "all", "'first'"),
        ("class_weights", "balanced", "None"),
        ("focal_gamma", 2.0, "0.0"),
        ("label_smoothing", 0.1, "0.0"),
    ],
)
def test_whole_sequences_are_not_weighed_by_subwords(key, value, default):
    message = rf'{key} = .*{value}.* Allowed: {default} while objective = "sequences"\. .*set objective = "tokens"'
    with pytest.raises(ConfigError, match=message):
        spacy.blank("en").add_pipe("bert_ner", config={"objective": "sequences", key: value})


def test_every_key_is_among_those_that_are_changed():
    defaults = spacy.blank("en").get_factory_meta("bert_ner").default_config
    model = {f"model.{key}" for key in defaults["model"] if key != "@architectures"}
    assert set(EFFECTS) == {key for key in defaults if key != "model"} | model


@pytest.mark.filterwarnings("ignore:The trained head of")
@pytest.mark.filterwarnings("ignore:.* was fine-tuned for tagging")
@pytest.mark.filterwarnings("ignore:Some entities were omitted")
@pytest.mark.parametrize("key", EFFECTS)
def test_every_key_has_an_effect(key, tagger, tmp_path):
    value, look = EFFECTS[key]
    if key == "model.name":
        value = str(tmp_path)
        torch.manual_seed(1)
        AutoModelForTokenClassification.from_config(AutoConfig.from_pretrained(tagger)).save_pretrained(tmp_path)
        AutoTokenizer.from_pretrained(tagger).save_pretrained(tmp_path)
    seen = []
    for changed in (False, True):
        config = {"model": {"name": str(tagger), "overlap": 8}}
        if changed:
            target = config["model"] if "." in key else config
            target[key.removeprefix("model.")] = value
        nlp = spacy.blank("en")
        nlp.add_pipe("bert_ner", config=config)
        seen.append(look(nlp))
    assert seen[0] != seen[1]


NO_NAMES = [
    "",
    " ",
    "x ",
    ".",
    "..",
    "../x",
    "/x",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "a.b",
    ".x",
    "a$b",
    "C:x",
    "a*",
    "a?",
]
NO_NAMES += ['a"b', "a|b", "vocab", "Tokenizer", "\ud800", "x" * 201, "é" * 101]


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_can_be_no_name_of_a_component(name):
    nlp = spacy.blank("en")
    message = re.escape(f"Invalid component name {name!r}. The name is also used for a folder") + ".* without"
    with pytest.raises(ConfigError, match=message):
        nlp.add_pipe("bert_ner", name=name)
    assert nlp.pipe_names == []


@pytest.mark.parametrize("name", ["bert_ner", "bert-ner 2", "Bert", "ner_é漢", "x" * 200, "#1"])
def test_what_can_be_one_is_saved_and_loaded(encoder, name, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", name=name, config={"model": {"name": str(encoder)}})
    nlp.to_disk(tmp_path)
    assert (tmp_path / name / "cfg").is_file()
    assert spacy.load(tmp_path).pipe_names == [name]


@pytest.mark.parametrize("name", ["a/b", "/x", "a\\b", "vocab", "../x"])
def test_a_saved_pipeline_that_names_a_component_so(encoder, name, tmp_path):
    """Test a folder that a malicious user has prepared. No file outside the folder may be read."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", name="old", config={"model": {"name": str(encoder)}})
    nlp.to_disk(tmp_path / "pipeline")
    for file in ("config.cfg", "meta.json"):
        path = tmp_path / "pipeline" / file
        quoted = json.dumps(name)
        path.write_text(path.read_text().replace("[components.old", f"[components.{name}").replace('"old"', quoted))
    # spaCy itself rejects dots in section names.
    message = "Error parsing config section" if "." in name else re.escape(f"Invalid component name {name!r}")
    with pytest.raises(ValueError, match=message):
        spacy.load(tmp_path / "pipeline")
