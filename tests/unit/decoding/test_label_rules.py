"""Test `labels` and `label_map` in components and corpora, and new labels in sourced components."""

import copy
import json
import warnings

import numpy as np
import pytest
import spacy
import torch
from corpora import found, lines
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config_from_str
from transformers import AutoModelForTokenClassification
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import CorpusStream
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.relabeling import rename_entities, rename_gold
from spacy_bert_ner.corpus.spacy_reader import make_corpus_reader_v1
from spacy_bert_ner.decoding.label_rules import LabelRules, RuleError, make_rules
from spacy_bert_ner.decoding.tag_scheme import build_tag_set
from spacy_bert_ner.errors import BertNerError, ConfigError, CorpusError, TagError
from spacy_bert_ner.evaluation.label_scope import scope_of
from spacy_bert_ner.evaluation.measure import compute_metrics, run_pipeline

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXT = "Kevin Durant plays for the Brooklyn Nets and lives in New York."


def annotated(nlp, *texts):
    """Create examples from texts and entities."""
    return [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in texts]


@pytest.fixture
def mixed(make_nlp):
    """Return examples with labels from two corpora: PERSON and per, and MISC."""
    return annotated(
        spacy.blank("en"),
        ("Kevin Durant plays for the Brooklyn Nets.", [(0, 12, "PERSON"), (27, 40, "org")]),
        ("Mr. O'Neill lives in New York.", [(0, 11, "per"), (21, 29, "geo")]),
        ("Nobody came.", [(0, 6, "MISC")]),
    )


def bert_ner(nlp, name="bert_ner"):
    return nlp.get_pipe(name)


# Label rules

RULES = make_rules(["per", "geo"], {"PERSON": "per", "MISC": None})


def test_a_label_is_renamed_kept_or_left_out():
    assert {label: RULES.rename(label) for label in ("PERSON", "per", "geo", "org", "MISC")} == {
        "PERSON": "per",
        "per": "per",
        "geo": "geo",
        "org": None,
        "MISC": None,
    }
    assert RULES.rename_all(["org", "PERSON", "per"]) == ["per"]
    assert not LabelRules()
    assert LabelRules().rename("x") == "x"


def test_tags_of_a_head_are_renamed():
    head = build_tag_set(("O", "B-PERSON", "I-PERSON", "B-MISC", "I-MISC", "B-geo"), "IOB2")
    assert RULES.rename_tags(head) == ("O", "B-per", "I-per", "O", "O", "B-geo")
    assert RULES.rename_tags(build_tag_set(("O", "PERSON", "MISC", "geo"), "plain")) == ("O", "per", "O", "geo")


def test_the_map_may_be_pairs():
    assert make_rules(None, [["B:per", "per"], ["MISC", None]]).label_map == {"B:per": "per", "MISC": None}


@pytest.mark.parametrize(
    ("labels", "label_map", "key", "allowed"),
    [
        ("per", {}, "labels", "null for all labels, or a list of labels"),
        ([], {}, "labels", "null for all labels, or a list of labels"),
        ([1], {}, "labels", "null for all labels, or a list of labels"),
        (["O"], {}, "labels", "null for all labels, or a list of labels"),
        (["PERSON"], {"PERSON": "per"}, "labels", "label_map renames 'PERSON': use its new name, if any, or remove"),
        (None, "PERSON=per", "label_map", "a table that maps labels to new names"),
        (None, {"PERSON": 1}, "label_map", "a table that maps labels to new names"),
        (None, {"PERSON": ""}, "label_map", "a table that maps labels to new names"),
        (None, {"PERSON": "O"}, "label_map", "a table that maps labels to new names"),
        (None, [["PERSON"]], "label_map", "a table that maps labels to new names"),
        (None, [["PERSON", "a"], ["PERSON", "b"]], "label_map", "a table that maps labels to new names"),
        (
            None,
            {"A": "B", "B": "C"},
            "label_map",
            "new names that are not renamed themselves. 'B' is renamed to 'C': write {'A': 'C'}, or remove the entry "
            "for 'B'",
        ),
        (None, {"A": "B", "B": "A"}, "label_map", "new names that are not renamed themselves"),
    ],
)
def test_what_is_no_rule_is_refused_by_the_component_and_by_corpora(labels, label_map, key, allowed, tmp_path):
    with pytest.raises(RuleError) as caught:
        make_rules(labels, label_map)
    assert caught.value.key == key
    assert allowed in caught.value.allowed
    with pytest.raises(ConfigError) as caught:
        spacy.blank("en").add_pipe("bert_ner", config={"labels": labels, "label_map": label_map})
    assert f"[components.bert_ner] {key} = " in str(caught.value)
    assert allowed in str(caught.value)
    path = lines(tmp_path, {"text": "Ada came", "spans": [{"start": 0, "end": 3, "label": "per"}]})
    with pytest.raises(CorpusError) as caught:
        convert(path, tmp_path / "out", labels=labels, label_map=label_map)
    assert f"--{key.replace('_', '-')}" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_gold_is_renamed_in_a_copy_with_all_else_as_it_was():
    doc = Doc(spacy.blank("en").vocab, ["Ada", "Bo", "saw", "Cy", "in", "Rome", "and", "Oslo"])
    doc.user_data["document"] = "x"
    ents = [Span(doc, 0, 2, "PERSON"), Span(doc, 3, 4, "MISC"), Span(doc, 5, 6, "geo")]
    doc.set_ents(ents, missing=[doc[2:3]], blocked=[doc[6:7]])
    doc.spans["sc"] = [Span(doc, 5, 6, "MISC"), Span(doc, 0, 1, "PERSON", span_id="q")]
    renamed = rename_entities(doc, RULES.rename)
    assert [(ent.text, ent.label_) for ent in renamed.ents] == [("Ada Bo", "per"), ("Rome", "geo")]
    assert [token.ent_iob for token in renamed] == [3, 1, 0, 2, 2, 3, 3, 2]
    assert [(span.text, span.label_, span.id_) for span in renamed.spans["sc"]] == [("Ada", "per", "q")]
    assert renamed.user_data["document"] == "x"
    assert [ent.label_ for ent in doc.ents] == ["PERSON", "MISC", "geo"]


def test_gold_that_needs_no_change_is_not_copied():
    doc = Doc(spacy.blank("en").vocab, ["Ada"], ents=["B-per"])
    assert rename_entities(doc, RULES.rename) is doc
    examples = [Example(doc, doc.copy())]
    assert rename_gold(LabelRules(), examples) is examples


# Training


def test_a_new_head_has_the_labels_that_are_kept(make_nlp, mixed):
    nlp = make_nlp(config={"labels": ["per", "geo"], "label_map": {"PERSON": "per"}})
    nlp.initialize(lambda: mixed)
    assert bert_ner(nlp).labels == ("geo", "per")
    assert bert_ner(nlp).tags == ("O", "B-geo", "I-geo", "B-per", "I-per")


def test_the_map_alone_keeps_the_other_labels(make_nlp, mixed):
    nlp = make_nlp(config={"label_map": {"PERSON": "per", "MISC": None}})
    nlp.initialize(lambda: mixed)
    assert bert_ner(nlp).labels == ("geo", "org", "per")


@pytest.mark.parametrize("objective", ["tokens", "sequences"])
def test_training_is_the_same_as_on_gold_that_was_renamed_before(make_nlp, mixed, objective):
    renamed = [*rename_gold(make_rules(["per"], {"PERSON": "per"}), mixed)]
    weights = []
    for examples, config in ((mixed, {"labels": ["per"], "label_map": {"PERSON": "per"}}), (renamed, {})):
        torch.manual_seed(0)
        nlp = make_nlp(config={"objective": objective, **config})
        nlp.initialize(lambda: examples)  # noqa: B023
        optimizer = nlp.resume_training()
        losses = nlp.update(examples, sgd=optimizer)
        weights.append((losses["bert_ner"], bert_ner(nlp).measure_loss(examples)))
    assert weights[0] == weights[1]


def test_balanced_weights_are_counted_on_the_new_names(make_nlp, mixed):
    nlp = make_nlp(config={"labels": ["per"], "label_map": {"PERSON": "per"}, "class_weights": "balanced"})
    nlp.initialize(lambda: mixed)
    assert set(bert_ner(nlp).cfg["balanced_weights"]) == {"O", "per"}


def test_a_label_that_the_data_lacks_is_told(make_nlp, mixed):
    nlp = make_nlp(config={"labels": ["per", "Geo"], "label_map": {"PERSON": "per"}})
    with pytest.warns(
        UserWarning, match="labels contains Geo, but .* with these labels. Its labels are: MISC, PERSON, geo"
    ):
        nlp.initialize(lambda: mixed)
    assert bert_ner(nlp).labels == ("Geo", "per")


def test_labels_none_of_which_the_data_has_are_refused(make_nlp, mixed):
    nlp = make_nlp(config={"labels": ["Per", "Geo"]})
    message = r"labels = Geo, Per, but the training data has no entities with these labels. Allowed: MISC, PERSON, geo"
    with pytest.raises(ConfigError, match=message):
        nlp.initialize(lambda: mixed)


def test_a_trained_head_is_kept_for_the_new_names(make_nlp, tagger):
    old = AutoModelForTokenClassification.from_pretrained(tagger).classifier.weight
    nlp = make_nlp(name=tagger, config={"label_map": {"per": "PERSON"}, "labels": ["PERSON"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.initialize(lambda: annotated(nlp, ("Kevin came", [(0, 5, "PERSON")])))
    checkpoint = bert_ner(nlp).model.shims[0].checkpoint
    assert checkpoint.tags.tags == ("B-PERSON", "O", "O", "I-PERSON", "O")
    assert torch.equal(checkpoint.model.classifier.weight, old)


def test_add_label_refuses_what_the_settings_leave_out(make_nlp, mixed):
    nlp = make_nlp(config={"labels": ["per"], "label_map": {"PERSON": "per"}})
    nlp.initialize(lambda: mixed)
    for label in ("geo", "PERSON"):
        with pytest.raises(TagError, match=f"The label '{label}' cannot be added to 'bert_ner', because "):
            bert_ner(nlp).add_label(label)


# Predictions


def probabilities(nlp):
    """Return the logits for each token and tag."""
    (output,) = bert_ner(nlp).model.predict([nlp.make_doc(TEXT)])
    logits = output.dataXd.astype("float64")
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_a_fine_tuned_checkpoint_predicts_the_new_names(make_nlp, tagger):
    plain, renamed = make_nlp(name=tagger), make_nlp(name=tagger, config={"label_map": {"geo": "LOC"}})
    expected = [(ent.start, ent.end, ent.label_.replace("geo", "LOC")) for ent in plain(TEXT).ents]
    assert [(ent.start, ent.end, ent.label_) for ent in renamed(TEXT).ents] == expected
    assert "LOC" in {label for *_, label in expected}
    assert bert_ner(renamed).labels == ("LOC", "per")


def test_a_label_that_is_left_out_gives_its_probability_to_outside(make_nlp, tagger):
    plain, kept = make_nlp(name=tagger), make_nlp(name=tagger, config={"labels": ["geo"]})
    kept(TEXT)
    assert bert_ner(kept).labels == ("geo",)
    b_per, outside, i_geo, i_per, b_geo = probabilities(plain).T
    expected = np.stack([outside + b_per + i_per, i_geo, b_geo], axis=1)
    assert bert_ner(kept).model.shims[0].checkpoint.tags.tags == ("O", "O", "I-geo", "O", "B-geo")
    assert np.allclose(probabilities(kept), expected, atol=1e-6)


def test_labels_and_thresholds_are_checked_against_the_new_names(make_nlp, tagger):
    make_nlp(name=tagger, config={"label_map": {"per": "PERSON"}, "thresholds": {"PERSON": 0.5}})(TEXT)
    with pytest.raises(ConfigError, match=r"thresholds\] per = 0.5 is invalid. Allowed: the labels PERSON, geo"):
        make_nlp(name=tagger, config={"label_map": {"per": "PERSON"}, "thresholds": {"per": 0.5}})(TEXT)
    with pytest.raises(
        ConfigError, match=r"labels contains org, but the trained head has no such labels. Allowed: geo, per"
    ):
        make_nlp(name=tagger, config={"labels": ["per", "org"]})(TEXT)
    with pytest.raises(ConfigError, match="keep none of the head's labels. Allowed: geo, per"):
        make_nlp(name=tagger, config={"label_map": {"per": None, "geo": None}})(TEXT)


def test_a_saved_pipeline_keeps_the_names_and_takes_other_ones(make_nlp, tagger, tmp_path):
    nlp = make_nlp(name=tagger, config={"label_map": {"geo": "LOC", "a:b": None}})
    expected = [(ent.start, ent.end, ent.label_) for ent in nlp(TEXT).ents]
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert [(ent.start, ent.end, ent.label_) for ent in again(TEXT).ents] == expected
    assert again.config["components"]["bert_ner"]["label_map"] == [["geo", "LOC"], ["a:b", None]]
    fewer = spacy.load(tmp_path, config={"components.bert_ner.labels": ["LOC"]})
    assert bert_ner(fewer).labels == ("LOC",)
    assert {ent.label_ for ent in fewer(TEXT).ents} == {"LOC"}
    assert [(ent.start, ent.end, ent.label_) for ent in copy.deepcopy(again)(TEXT).ents] == expected


# Scores


def score(nlp, predicted, gold):
    """Return the pipeline's scores for given predicted entities, combined as in `nlp.evaluate`."""
    (eg,) = annotated(nlp, (TEXT, gold))
    eg.predicted.set_ents([eg.predicted.char_span(*ent) for ent in predicted])
    scores = {}
    for _, pipe in nlp.pipeline:
        scores |= pipe.score([eg])
    return {key: scores[key] for key in ("ents_p", "ents_r", "ents_f")} | {"labels": sorted(scores["ents_per_type"])}


PERSON, TEAM, CITY = (0, 12), (27, 40), (54, 62)


def test_gold_entities_are_scored_under_their_new_names(make_nlp, tagger):
    nlp = make_nlp(name=tagger, config={"labels": ["per"], "label_map": {"PERSON": "per"}})
    nlp(TEXT)
    gold = [(*PERSON, "PERSON"), (*TEAM, "MISC"), (*CITY, "geo")]
    expected = {"ents_p": 1.0, "ents_r": 1.0, "ents_f": 1.0, "labels": ["per"]}
    assert score(nlp, [(*PERSON, "per")], gold) == expected


def two(tagger, first, second):
    """Create a pipeline with two components that have these settings. One is named `other`."""
    nlp = spacy.blank("en")
    for name, config in (("bert_ner", first), ("other", second)):
        model = {"name": str(tagger), "overlap": 8}
        nlp.add_pipe("bert_ner", name=name, config={"model": model, "spans_key": name, **config})
    nlp(TEXT)
    return nlp


def test_two_components_are_scored_on_what_they_find_together(tagger):
    nlp = two(tagger, {"labels": ["per"], "label_map": {"PERSON": "per"}}, {"labels": ["geo"]})
    gold = [(*PERSON, "PERSON"), (*TEAM, "MISC"), (*CITY, "geo")]
    both = [(*PERSON, "per"), (*CITY, "geo")]
    assert score(nlp, both, gold) == {"ents_p": 1.0, "ents_r": 1.0, "ents_f": 1.0, "labels": ["geo", "per"]}
    one = score(nlp, both[:1], gold)
    assert (one["ents_p"], one["ents_r"]) == (1.0, 0.5)


def test_a_label_that_all_components_lack_is_missed_where_one_keeps_all(tagger):
    nlp = two(tagger, {"label_map": {"PERSON": "per", "MISC": None}}, {"labels": ["geo"]})
    scope = scope_of(nlp)
    assert {label: scope.rename_label(label) for label in ("PERSON", "per", "geo", "MISC", "DATE")} == {
        "PERSON": "per",
        "per": "per",
        "geo": "geo",
        "MISC": None,
        "DATE": "DATE",
    }


def test_labels_of_an_entity_ruler_count(tagger, make_nlp):
    nlp = make_nlp(name=tagger, config={"labels": ["per"]})
    nlp.add_pipe("entity_ruler", before="bert_ner").add_patterns([{"label": "MISC", "pattern": "Nets"}])
    nlp(TEXT)
    scope = scope_of(nlp)
    assert [scope.rename_label(label) for label in ("per", "MISC", "geo")] == ["per", "MISC", None]


def test_a_component_from_another_pipeline_is_scored_on_its_own_labels(tagger, make_nlp):
    source = make_nlp(name=tagger, config={"labels": ["per"]})
    source(TEXT)
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", source=source)
    expected = {"ents_p": 1.0, "ents_r": 1.0, "ents_f": 1.0, "labels": ["per"]}
    assert score(nlp, [(*PERSON, "per")], [(*PERSON, "per"), (*CITY, "geo")]) == expected


def test_without_rules_nothing_is_copied_to_be_scored(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    nlp(TEXT)
    examples = annotated(nlp, (TEXT, []))
    assert scope_of(nlp).rename(examples) is examples


# Sourced components

CONFIG = """
[nlp]
lang = "en"
pipeline = ["bert_ner"]

[components]

[components.bert_ner]
source = "{source}"

[corpora]

[corpora.train]
@readers = "spacy_bert_ner.Corpus.v1"
path = "{data}"

[corpora.dev]
@readers = "spacy_bert_ner.Corpus.v1"
path = "{data}"

[training]
seed = 0
gpu_allocator = null
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"

[training.optimizer]
@optimizers = "spacy_bert_ner.AdamW.v1"
learn_rate = 0.001

[initialize]
{callback}
"""

CALLBACK = """
[initialize.before_init]
@callbacks = "spacy_bert_ner.add_labels.v1"
labels = ["drug"]
component = "{name}"
"""


@pytest.fixture
def sourced(make_nlp, tagger, tmp_path):
    """Create a pipeline whose config sources `bert_ner` from a trained pipeline, and initialize it for a new label."""
    source = make_nlp(name=tagger)
    source(TEXT)
    source.to_disk(tmp_path / "trained")
    data = tmp_path / "train.jsonl"
    data.write_text(json.dumps({"text": "Ada takes aspirin", "spans": [{"start": 10, "end": 17, "label": "drug"}]}))

    def make(callback=""):
        text = CONFIG.format(source=tmp_path / "trained", data=data, callback=callback)
        nlp = init_nlp(load_config_from_str(text))
        return nlp, list(nlp.config and make_corpus_reader_v1(data)(nlp))

    return make


@pytest.mark.filterwarnings("ignore:Component 'bert_ner' cannot tell")
def test_a_sourced_component_learns_a_label_from_the_config(sourced):
    nlp, examples = sourced(CALLBACK.format(name="bert_ner"))
    assert bert_ner(nlp).labels == ("drug", "geo", "per")
    before = bert_ner(nlp).measure_loss(examples)
    for _ in range(5):
        nlp.update(examples, sgd=nlp._optimizer)
    after = bert_ner(nlp).measure_loss(examples)
    assert float(after) < float(before)


def test_without_it_the_error_names_what_works(sourced):
    nlp, examples = sourced()
    with pytest.raises(TagError) as caught:
        nlp.update(examples, sgd=nlp._optimizer)
    message = str(caught.value)
    assert "The examples contain the label 'drug', but 'bert_ner' has only these labels: geo, per." in message
    assert '[initialize.before_init] @callbacks = "spacy_bert_ner.add_labels.v1"' in message
    assert 'component = "bert_ner", labels = ["drug"]' in message
    assert 'nlp.get_pipe("bert_ner").add_label("drug")' in message
    bert_ner(nlp).add_label("drug")
    nlp.update(examples, sgd=nlp._optimizer)


def test_the_callback_names_the_components_that_there_are(sourced):
    with pytest.raises(ConfigError, match="component = 'ner' does not name a component .* Allowed: bert_ner"):
        sourced(CALLBACK.format(name="ner"))


# Corpora


RECORDS = [
    {
        "text": "Ada saw Rome",
        "spans": [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 8, "end": 12, "label": "geo"}],
    },
    {"text": "It is Java", "spans": [{"start": 6, "end": 10, "label": "MISC"}]},
]
KEPT = [[("Ada", "per"), ("Rome", "geo")], []]
OPTIONS = {"labels": ["per", "geo"], "label_map": {"PERSON": "per"}}


def test_spans_are_renamed(tmp_path):
    assert found(lines(tmp_path, *RECORDS), **OPTIONS) == KEPT


def test_tags_are_renamed_whatever_their_scheme_is(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ada I-PERSON\nsaw O\nRome I-geo\n\nIt O\nis O\nJava I-MISC\n")
    assert found(path, **OPTIONS) == KEPT


def test_spans_that_are_left_out_overlap_nothing(tmp_path):
    spans = [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 0, "end": 7, "label": "MISC"}]
    path = lines(tmp_path, {"text": "Ada saw Rome", "spans": spans})
    assert found(path, **OPTIONS | {"labels": ["per"]}) == [[("Ada", "per")]]


def test_convert_tells_what_became_of_labels(tmp_path):
    done = convert(
        lines(tmp_path, *RECORDS), tmp_path / "out", labels=["per", "Geo"], label_map={"PERSON": "per", "X": None}
    )
    assert done.entities == {"a": {"per": 1}}
    assert done.messages == [
        "The settings labels and label_map replace the tags of these entities with O (label and count): MISC 1, geo 1. "
        "To keep a label, change these settings.",
        (
            "The settings labels and label_map contain labels that the data does not have: Geo, "
            "X. The data has these labels: MISC, PERSON, geo. Check the spelling of the labels in the settings."
        ),
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.conll"])
def test_nothing_is_written_where_no_entity_is_left(name, tmp_path):
    path = tmp_path / name
    if name == "a.jsonl":
        lines(tmp_path, *RECORDS)
    else:
        path.write_text("Ada B-per\nsaw O\n\nRome B-geo\n")
    with pytest.raises(
        CorpusError, match="The settings labels and label_map leave no entities. The data has these labels"
    ):
        convert(path, tmp_path / "out", labels=["Person"])
    assert not [*tmp_path.glob("out/*")]


def test_incorrect_spans_are_renamed_too(tmp_path):
    record = {"text": "Ada saw Rome", "spans": [], "incorrect_spans": [
        {"start": 0, "end": 3, "label": "PERSON"}, {"start": 8, "end": 12, "label": "MISC"}]}  # fmt: skip
    path = lines(tmp_path, record, {"text": "Bo", "spans": [{"start": 0, "end": 2, "label": "PERSON"}]})
    convert(path, tmp_path / "out", **OPTIONS)
    again = [*CorpusStream(tmp_path / "out/a.spacy", label_map={"per": "x"})]
    for sentences, label in (([*CorpusStream(path, **OPTIONS)], "per"), (again, "x")):
        assert [sentence.incorrect for sentence in sentences] == [((label, 0, 1),), ()]


def test_split_json_names_them(tmp_path):
    path = lines(
        tmp_path, *[{"text": f"Ada {i}", "spans": [{"start": 0, "end": 3, "label": "PERSON"}]} for i in range(9)]
    )
    convert(path, tmp_path / "out", split="60/20/20", labels=["per"], label_map={"PERSON": "per", "MISC": None})
    again = json.loads((tmp_path / "out/split.json").read_text())["again"]
    assert again.endswith("--labels per --label-map PERSON=per --label-map MISC= --split 60/20/20 --seed 42")


def test_the_reader_of_training_renames_docs_of_spacy_files_too(tmp_path):
    nlp = spacy.blank("en")
    doc = Doc(nlp.vocab, ["Ada", "saw", "Rome"], ents=["B-PERSON", "O", "B-MISC"])
    doc.spans["sc"] = [Span(doc, 0, 1, "PERSON")]
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    (eg,) = make_corpus_reader_v1(str(tmp_path / "a.spacy"), labels=["per"], label_map={"PERSON": "per"})(nlp)
    assert [(ent.text, ent.label_) for ent in eg.reference.ents] == [("Ada", "per")]
    assert [span.label_ for span in eg.reference.spans["sc"]] == ["per"]


def test_no_labels_at_all_is_an_error_as_before(make_nlp):
    nlp = make_nlp(config={"label_map": {"per": None}})
    with pytest.raises(BertNerError, match="The training data has no entities"):
        nlp.initialize(lambda: annotated(nlp, ("Kevin came", [(0, 5, "per")])))


# Complete pipelines


def test_evaluate_scores_gold_under_its_new_names(make_nlp, tagger, tmp_path):
    nlp = make_nlp(name=tagger, config={"labels": ["LOC"], "label_map": {"geo": "LOC", "per": None}})
    first = nlp(TEXT).ents[0]
    (eg,) = annotated(nlp, (TEXT, [(first.start_char, first.end_char, "geo"), (*CITY, "per")]))
    DocBin(docs=[eg.reference]).to_disk(tmp_path / "dev.spacy")
    nlp.to_disk(tmp_path / "pipeline")
    found = run_pipeline(spacy.load(tmp_path / "pipeline"), tmp_path / "dev.spacy")
    told = compute_metrics(found, known={eg.reference.ents[0].text: {"geo": 3, "per": 1}})
    assert [ent.label_ for ent in eg.reference.ents] == ["geo", "per"]
    assert {label: (row["right"], row["gold"]) for label, row in told["scores"]["per_label"].items()} == {"LOC": (1, 1)}
    assert told["unknown_labels"] == []
    assert told["slices"]["seen in training"]["with this label"]["gold"] == 1


def test_two_components_learn_labels_of_their_own_from_one_corpus(encoder, mixed):
    nlp = spacy.blank("en")
    for name, labels in (("people", ["per"]), ("places", ["geo", "org"])):
        config = {"labels": labels, "label_map": {"PERSON": "per"}, "spans_key": name}
        nlp.add_pipe("bert_ner", name=name, config={"model": {"name": str(encoder), "overlap": 8}, **config})
    optimizer = nlp.initialize(lambda: mixed)
    optimizer.learn_rate = 0.01
    for _ in range(60):
        nlp.update(mixed, sgd=optimizer)
    assert (bert_ner(nlp, "people").labels, bert_ner(nlp, "places").labels) == (("per",), ("geo", "org"))
    texts = [eg.text for eg in mixed]
    scores = nlp.evaluate(mixed)
    assert [sorted((ent.text, ent.label_) for ent in doc.ents) for doc in nlp.pipe(texts)] == [
        [("Brooklyn Nets", "org"), ("Kevin Durant", "per")],
        [("Mr. O'Neill", "per"), ("New York", "geo")],
        [],
    ]
    assert scores["ents_f"] == 1.0
    assert sorted(scores["ents_per_type"]) == ["geo", "org", "per"]


@pytest.mark.parametrize("pair", ["PERSON", "=per", "PERSON=per,PERSON=x"])
def test_a_pair_that_is_none_is_refused_by_the_command(pair, tmp_path):
    path = lines(tmp_path, *RECORDS)
    pairs = [part for one in pair.split(",") for part in ("--label-map", one)]
    done = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out"), *pairs])
    assert done.exit_code == 1
    assert "Nothing was converted" in done.output
    assert "a label and its new name, once per label, as in PERSON=per or MISC=" in done.output
    assert not (tmp_path / "out").exists()


def test_the_commands_rename_labels(tmp_path):
    path = lines(tmp_path, *RECORDS)
    options = ["--labels", "per, geo", "--label-map", "PERSON=per"]
    done = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out"), *options])
    assert done.exit_code == 0
    assert "replace the tags of these entities with O (label and count): MISC 1" in " ".join(done.output.split())
    docs = DocBin().from_disk(tmp_path / "out/a.spacy").get_docs(spacy.blank("en").vocab)
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == KEPT
    done = CliRunner().invoke(app, ["inspect", str(path), "--json", "-", *options])
    assert sorted(json.loads(done.output)["splits"][0]["entities_by_label"]) == ["geo", "per"]
