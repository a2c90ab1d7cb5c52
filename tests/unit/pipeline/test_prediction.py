"""Test predictions from given logits: constraints, schemes, scores and thresholds."""

from types import SimpleNamespace

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.tokens.underscore import Underscore
from spacy.training import Example
from thinc.api import Ragged

from spacy_bert_ner.decoding.tag_scheme import build_tag_set
from spacy_bert_ner.errors import BertNerError, ConfigError
from spacy_bert_ner.util.doc_entities import entity_score

pytestmark = pytest.mark.usefixtures("few_exceptions")

IOB2 = ("O", "B-per", "I-per", "B-org", "I-org", "B-geo", "I-geo")
SAYS = {"Kevin": "B-per", "Durant": "I-per", "Brooklyn": "B-org", "Nets": "I-org", "Paris": "B-geo"}
TEXT = "Kevin Durant left the Brooklyn Nets"


def make_nlp(says=SAYS, tags=IOB2, scheme=None, certainty=6.0, **config):
    """Return a pipeline whose model gives each word's tag in `says` a high logit, or uses the logits in `says`."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("bert_ner", config={"model": {"name": "unused", "tag_scheme": scheme}, **config})

    def forward(model, docs, is_train):
        return [Ragged(*rows_of(doc)) for doc in docs], lambda d_output: docs

    def rows_of(doc):
        rows = np.zeros((len(doc), len(tags)), dtype="f")
        for row, token in zip(rows, doc, strict=True):
            told = says.get(token.text, "O")
            if isinstance(told, str):
                row[tags.index(told)] = certainty
            else:
                row[:] = told
        seen = np.array([not token.is_space for token in doc], dtype=bool).reshape(-1)
        return rows[seen], seen.astype("i")

    pipe.model.replace_callbacks(forward)
    pipe.model.shims[0]._model = SimpleNamespace(tags=build_tag_set(tags, scheme), model=None)
    return nlp


def entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def iob(doc):
    return [f"{t.ent_iob_}-{t.ent_type_}" for t in doc]


def test_entities_and_their_scores():
    doc = make_nlp()(TEXT)
    assert entities(doc) == [("Kevin Durant", "per"), ("Brooklyn Nets", "org")]
    group = doc.spans["bert_ner"]
    assert [(span.text, span.label_) for span in group] == entities(doc)
    assert group.attrs["scores"].shape == (2,)
    assert [ent._.score for ent in doc.ents] == group.attrs["scores"].tolist()
    assert all(0.95 < score < 1 for score in group.attrs["scores"])


def test_the_score_of_an_entity_of_one_token():
    doc = make_nlp(tags=("O", "B-geo", "I-geo"), scheme="IOB2", certainty=2.0)("Paris")
    # I-geo cannot start an entity, so the weights are e² for B-geo and e⁰ for O.
    assert doc.ents[0]._.score == pytest.approx(np.exp(2) / (np.exp(2) + 1), abs=1e-6)


def test_spans_that_the_component_did_not_find_have_no_score():
    doc = make_nlp()(TEXT)
    assert doc[0:1]._.score is None
    assert Span(doc, 0, 2, label="org")._.score is None
    doc.spans["other"] = [Span(doc, 0, 1, label="per")]
    doc.spans["other"].attrs["scores"] = np.array([0.5])
    assert Span(doc, 0, 1, label="per")._.score is None


def test_scores_are_found_in_the_group_of_the_component_that_gave_them():
    first, second = make_nlp({"Kevin": "B-per"}), make_nlp({"Paris": "B-geo"}, spans_key="second")
    doc = second(first("Kevin left Paris"))
    assert list(doc.spans) == ["bert_ner", "second"]
    assert [ent._.score for ent in doc.ents] == [doc.spans[key].attrs["scores"][0] for key in doc.spans]


def scores(doc):
    group = doc.spans["bert_ner"]
    return [(span.text, float(round(score, 3))) for span, score in zip(group, group.attrs["scores"], strict=True)]


def test_a_doc_that_passes_twice_keeps_its_scores():
    nlp = make_nlp()
    doc = nlp(TEXT)
    once = scores(doc)
    assert scores(nlp(doc)) == once
    assert once == [("Kevin Durant", 0.985), ("Brooklyn Nets", 0.988)]
    assert [(ent.text, round(ent._.score, 3)) for ent in doc.ents] == once


@pytest.mark.parametrize(("scheme", "found"), [(None, []), ("IOB1", [("Durant", "org")])])
def test_what_begins_directly_behind_an_entity_that_is_there(scheme, found):
    # With only `B-` and `I-`, I-org starts an entity, but not directly after another entity.
    nlp = make_nlp({"Durant": "I-org"}, scheme=scheme, tags=("O", "B-per", "I-per", "B-org", "I-org"))
    doc = nlp.make_doc("Kevin Durant left")
    doc.ents = [Span(doc, 0, 1, label="per")]
    assert entities(nlp(doc))[1:] == found
    assert entities(nlp("Kevin Durant left")) == [("Durant", "org")]


def test_two_components_may_share_a_group():
    first, second = make_nlp({"Paris": "B-geo"}), make_nlp({"Kevin": "B-per", "Paris": "B-org"}, certainty=2.0)
    doc = second(first("Kevin left Paris with Ann"))
    assert entities(doc) == [("Kevin", "per"), ("Paris", "geo")]
    assert [text for text, _ in scores(doc)] == ["Kevin", "Paris"]
    assert [ent._.score for ent in doc.ents] == doc.spans["bert_ner"].attrs["scores"].tolist()
    assert doc.ents[0]._.score < 0.9 < doc.ents[1]._.score


def test_what_is_overwritten_keeps_no_score():
    first, second = make_nlp({"Paris": "B-geo"}), make_nlp({"Kevin": "B-per"}, overwrite=True)
    assert [text for text, _ in scores(second(first("Kevin left Paris")))] == ["Kevin"]


def test_an_entity_that_was_taken_away_in_between_keeps_no_score():
    doc = make_nlp({"Paris": "B-geo"})("Kevin left Paris")
    doc.ents = [Span(doc, 2, 3, label="mine")]
    assert [text for text, _ in scores(make_nlp({"Kevin": "B-per"})(doc))] == ["Kevin"]


def test_a_group_of_another_component_is_not_replaced():
    nlp = make_nlp(spans_key="sc")
    doc = nlp.make_doc(TEXT)
    doc.spans["sc"] = [Span(doc, 0, 1, label="mine")]
    with pytest.raises(
        BertNerError, match=r"doc.spans\['sc'\] contains spans from another component.*spans_key = \"bert_ner\""
    ):
        nlp(doc)
    assert [span.label_ for span in doc.spans["sc"]] == ["mine"]
    assert doc.ents == ()
    doc.spans["sc"] = []
    assert len(nlp(doc).spans["sc"]) == 2


def test_a_group_that_has_lost_its_scores_is_replaced():
    nlp = make_nlp()
    doc = Doc(nlp.vocab).from_json(nlp(TEXT).to_json())
    assert doc.spans["bert_ner"].attrs == {}
    n = len(doc.ents)
    assert [ent._.score for ent in doc.ents] == [None] * n
    assert len(nlp(doc).ents) == n


def test_scores_survive_the_ways_that_spacy_has_of_making_docs_of_parts():
    nlp = make_nlp()
    doc = nlp(TEXT)
    expected = [ent._.score for ent in doc.ents]
    joined = Doc.from_docs([doc, nlp(TEXT)])
    assert [ent._.score for ent in joined.ents] == expected * 2
    assert [ent._.score for ent in doc[:].as_doc(copy_user_data=True).ents] == expected
    assert [ent._.score for ent in doc[:].as_doc().ents] == [None] * len(expected)
    told = doc.to_json(underscore=["score"])["underscore_span"]["score"]
    assert [one["value"] for one in told] == expected
    again = make_nlp(certainty=2.0, overwrite=True)(Doc.from_docs([doc]))
    assert [ent._.score for ent in again.ents] != expected
    assert [ent._.score for ent in Doc.from_docs([again]).ents] == [ent._.score for ent in again.ents]


def test_the_score_is_that_of_the_latest_component():
    first, second = make_nlp(certainty=6.0), make_nlp(certainty=3.0, overwrite=True, spans_key="second")
    doc = second(first(TEXT))
    assert [ent._.score for ent in doc.ents] == doc.spans["second"].attrs["scores"].tolist()
    doc = make_nlp(certainty=2.0, overwrite=True)(doc)
    assert [ent._.score for ent in doc.ents] == doc.spans["bert_ner"].attrs["scores"].tolist()


def test_a_component_that_was_never_made_here_gives_scores_too(no_extension):
    nlp = make_nlp()
    Span.remove_extension("score")  # as in another process after unpickling
    assert nlp(TEXT).ents[0]._.score > 0.9


def test_scores_survive_merging_and_splitting():
    nlp = make_nlp()
    doc = nlp("She met Kevin Durant and the Brooklyn Nets")
    expected = [ent._.score for ent in doc.ents]
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[0], ["S", "he"], [doc[0], doc[0]])
    assert [ent._.score for ent in nlp.create_pipe("merge_entities")(doc).ents] == expected
    assert [len(ent) for ent in doc.ents] == [1, 1]
    assert [ent._.score for ent in nlp(doc).ents] == expected


def merged(doc, *spans):
    with doc.retokenize() as retokenizer:
        for start, end in spans:
            retokenizer.merge(doc[start:end])
    return doc


def test_a_group_follows_its_tokens_when_they_are_merged():
    doc = merged(make_nlp()("She met Kevin Durant and the Brooklyn Nets"), (0, 2), (2, 4), (6, 8))
    group = doc.spans["bert_ner"]
    assert [token.text for token in doc] == ["She met", "Kevin Durant", "and", "the", "Brooklyn Nets"]
    expected = [("Kevin Durant", 1, 2, "per"), ("Brooklyn Nets", 4, 5, "org")]
    docs = [doc, doc.copy(), Doc(doc.vocab).from_bytes(doc.to_bytes()), *DocBin(docs=[doc]).get_docs(doc.vocab)]
    docs.append(Doc.from_docs([doc]))
    for spans in [*(other.spans["bert_ner"] for other in docs), [group[0], group[1]]]:
        assert [(span.text, span.start, span.end, span.label_) for span in spans] == expected
    assert [(span["start"], span["end"]) for span in doc.to_json()["spans"]["bert_ner"]] == [(8, 20), (29, 42)]


def test_a_group_follows_a_merge_and_a_split_that_keep_the_number_of_tokens():
    doc = make_nlp()("She met Kevin Durant and the Brooklyn Nets")
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[0], ["S", "he"], [doc[0], doc[0]])
        retokenizer.merge(doc[2:4])
    assert len(doc) == 8
    assert [span.text for span in doc.spans["bert_ner"]] == ["Kevin Durant", "Brooklyn Nets"]
    assert doc.spans["bert_ner"][0].text == "Kevin Durant"


def test_an_entity_inside_a_merged_token_loses_its_span_and_its_score():
    doc = merged(make_nlp()("She met Kevin Durant and the Brooklyn Nets"), (1, 3))
    group = doc.spans["bert_ner"]
    assert [span.text for span in group] == ["Brooklyn Nets"]
    assert len(group) == len(group.attrs["scores"]) == len(group.attrs["places"]) == len(group.attrs["offsets"]) == 1
    assert [ent._.score for ent in doc.ents if ent.text == "Brooklyn Nets"] == group.attrs["scores"].tolist()


@pytest.mark.process
def test_entities_are_merged_in_several_processes():
    nlp = make_nlp()
    nlp.add_pipe("merge_entities")
    text = "She met Kevin Durant and the Brooklyn Nets"
    expected = nlp(text).to_json()
    assert [doc.to_json() for doc in nlp.pipe([text] * 2, n_process=2)] == [expected] * 2


@pytest.fixture
def no_extension(monkeypatch):
    monkeypatch.setattr(Underscore, "span_extensions", {})


def test_an_attribute_of_that_name_stays_what_it_was(no_extension):
    make_nlp(spans_key=None)
    assert not Span.has_extension("score")
    Span.set_extension("score", default="mine")
    with pytest.warns(
        UserWarning, match=r"ent._.score does not return entity scores, because other code has already registered"
    ):
        nlp = make_nlp()
    assert nlp(TEXT).ents[0]._.score == "mine"
    with pytest.warns(UserWarning, match=r'Set another name: .* config={"score_attribute": "bert_ner_score"}'):
        make_nlp()
    assert make_nlp(score_attribute="bert_ner_score")(TEXT).ents[0]._.bert_ner_score > 0.9


def test_the_attribute_may_have_another_name_or_none(no_extension, tmp_path):
    make_nlp(score_attribute=None)(TEXT)
    assert Underscore.span_extensions == {}
    nlp = make_nlp(score_attribute="certainty")
    doc = nlp(TEXT)
    assert [*Underscore.span_extensions] == ["certainty"]
    expected = doc.spans["bert_ner"].attrs["scores"].tolist()
    assert [ent._.certainty for ent in doc.ents] == [entity_score(ent) for ent in doc.ents] == expected
    assert expected[0] > 0.9
    assert [ent._.certainty for ent in Doc.from_docs([doc]).ents] == expected
    assert [entity_score(ent) for ent in Doc.from_docs([doc]).ents] == expected
    (again,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(nlp.vocab)
    assert [ent._.certainty for ent in again.ents] == expected
    nlp.to_disk(tmp_path, exclude=["bert_ner"])
    config = spacy.util.load_config(tmp_path / "config.cfg")
    Underscore.span_extensions.clear()
    assert spacy.util.load_model_from_config(config).get_pipe("bert_ner").settings.score_attribute == "certainty"
    assert [*Underscore.span_extensions] == ["certainty"]


@pytest.mark.parametrize("keys", [("bert_ner", "bert_ner"), ("people", "places")])
def test_two_components_keep_their_scores_apart(no_extension, keys):
    people = make_nlp({"Kevin": "B-per", "Durant": "I-per"}, score_attribute="people_score", spans_key=keys[0])
    places = make_nlp({"Paris": "B-geo"}, score_attribute="place_score", spans_key=keys[1], certainty=3.0)
    text = "Kevin Durant left Paris"
    person, place = (entity_score(nlp(text).ents[0]) for nlp in (people, places))
    assert person > place > 0.8
    doc = places(people(text))
    again = Doc(doc.vocab).from_bytes(doc.to_bytes())
    for one in (doc, places(doc), again, Doc.from_docs([doc])):
        assert [ent._.people_score for ent in one.ents] == [pytest.approx(person), None]
        assert [ent._.place_score for ent in one.ents] == [None, pytest.approx(place, abs=0.01)]
        assert [entity_score(ent) for ent in one.ents] == [pytest.approx(person), pytest.approx(place, abs=0.01)]
    assert [ent._.place_score for ent in merged(doc, (0, 2)).ents] == [None, pytest.approx(place, abs=0.01)]
    assert not Span.has_extension("score")


def test_the_attribute_is_announced():
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner")
    assert "span._.score" in nlp.analyze_pipes()["summary"]["bert_ner"]["assigns"]
    assert nlp.analyze_pipes(keys=["assigns"])["attrs"]["span._.score"]["assigns"] == ["bert_ner"]


def test_scores_survive_serialization():
    nlp = make_nlp()
    doc = nlp(TEXT)
    (again,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(nlp.vocab)
    assert [ent._.score for ent in again.ents] == [ent._.score for ent in doc.ents]
    again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert [ent._.score for ent in again.ents] == [ent._.score for ent in doc.ents]


def test_a_doc_without_entities_has_an_empty_group():
    doc = make_nlp()("Nobody came")
    assert list(doc.spans["bert_ner"]) == []
    assert doc.spans["bert_ner"].attrs["scores"].shape == (0,)


def test_the_key_of_the_span_group():
    doc = make_nlp(spans_key="sc")(TEXT)
    assert list(doc.spans) == ["sc"]
    assert doc.ents[0]._.score > 0.9


def test_without_a_key_no_score_is_computed(monkeypatch):
    from spacy_bert_ner.pipeline import prediction

    nlp = make_nlp(spans_key=None)
    monkeypatch.setattr(prediction, "entity_scores", lambda *_: pytest.fail("scores were asked for"))
    doc = nlp(TEXT)
    assert entities(doc) == [("Kevin Durant", "per"), ("Brooklyn Nets", "org")]
    assert list(doc.spans) == []


def test_an_entity_below_the_threshold_of_its_label_is_dropped():
    assert entities(make_nlp(certainty=2.0, thresholds={"per": 0.9})(TEXT)) == [("Brooklyn Nets", "org")]
    doc = make_nlp(certainty=2.0, thresholds={"per": 0.1, "org": 1})(TEXT)
    assert entities(doc) == [("Kevin Durant", "per")]
    assert len(doc.spans["bert_ner"]) == len(doc.spans["bert_ner"].attrs["scores"]) == 1


def test_a_score_that_equals_the_threshold_suffices():
    score = make_nlp(certainty=2.0)("Paris").ents[0]._.score
    assert entities(make_nlp(certainty=2.0, thresholds={"geo": score})("Paris")) == [("Paris", "geo")]
    assert entities(make_nlp(certainty=2.0, thresholds={"geo": np.nextafter(score, 1)})("Paris")) == []


def test_a_threshold_for_a_label_that_there_is_not():
    with pytest.raises(ConfigError, match=r"bert_ner.thresholds\] PER = 0.5 .*Allowed: the labels geo, org, per"):
        make_nlp(thresholds={"PER": 0.5})(TEXT)


# Existing entities, blocked tokens, sentences and white space


def with_entity(nlp, start, end, label="mine"):
    doc = nlp.make_doc(TEXT)
    doc.set_ents([Span(doc, start, end, label=label)])
    return doc


def test_entities_that_are_there_stay_and_the_others_are_found_around_them():
    nlp = make_nlp()
    doc = nlp(with_entity(nlp, 1, 3))
    # Only "Kevin" starts an entity, which does not continue after the existing entity.
    assert entities(doc) == [("Kevin", "per"), ("Durant left", "mine"), ("Brooklyn Nets", "org")]
    assert [span.text for span in doc.spans["bert_ner"]] == ["Kevin", "Brooklyn Nets"]
    assert doc.ents[1]._.score is None


def test_the_best_sequence_is_found_around_an_entity_that_is_there():
    # I-per cannot follow the existing entity. B-per is the next best tag.
    nlp = make_nlp({**SAYS, "Durant": [0, 4, 5, 0, 0, 0, 0]})
    doc = nlp(with_entity(nlp, 0, 1))
    assert entities(doc) == [("Kevin", "mine"), ("Durant", "per"), ("Brooklyn Nets", "org")]


def test_overwrite_replaces_entities_that_are_there():
    nlp = make_nlp(overwrite=True)
    assert entities(nlp(with_entity(nlp, 1, 3))) == [("Kevin Durant", "per"), ("Brooklyn Nets", "org")]
    nlp = make_nlp({}, overwrite=True)
    assert entities(nlp(with_entity(nlp, 1, 3))) == []


def test_details_of_entities_that_are_there_stay():
    nlp = make_nlp()
    doc = nlp.make_doc(TEXT)
    doc.set_ents([Span(doc, 2, 3, label="mine", kb_id="Q1", span_id="x")])
    ent = next(ent for ent in nlp(doc).ents if ent.label_ == "mine")
    assert (ent.kb_id_, ent.id_) == ("Q1", "x")


@pytest.mark.parametrize("overwrite", [False, True])
def test_blocked_tokens_get_no_entity(overwrite):
    nlp = make_nlp({**SAYS, "Durant": [0, 4, 5, 0, 0, 0, 0]}, overwrite=overwrite)
    doc = nlp.make_doc(TEXT)
    doc.set_ents([], blocked=[doc[0:1], doc[5:6]])
    doc = nlp(doc)
    assert entities(doc) == [("Durant", "per"), ("Brooklyn", "org")]
    assert iob(doc) == ["B-", "B-per", "O-", "O-", "B-org", "B-"]  # spaCy represents blocked tokens as B without a type


def test_missing_tokens_are_read_and_outside_tokens_too():
    nlp = make_nlp()
    doc = nlp.make_doc(TEXT)
    doc.set_ents([], missing=[doc[0:2]], default="outside")
    assert [t.ent_iob for t in doc] == [0, 0, 2, 2, 2, 2]
    doc = nlp(doc)
    assert iob(doc) == ["B-per", "I-per", "O-", "O-", "B-org", "I-org"]


@pytest.mark.parametrize(("respect", "found"), [(True, ["Kevin", "Durant"]), (False, ["Kevin Durant"])])
def test_entities_and_sentences(respect, found):
    nlp = make_nlp({**SAYS, "Durant": [0, 4, 5, 0, 0, 0, 0]}, respect_sentences=respect)
    doc = nlp.make_doc("Kevin Durant")
    doc[1].is_sent_start = True
    assert [ent.text for ent in nlp(doc).ents] == found


def test_without_sentences_nothing_is_cut():
    assert entities(make_nlp(respect_sentences=True)("Kevin Durant")) == [("Kevin Durant", "per")]


def test_entities_go_on_across_white_space_but_neither_begin_nor_end_there():
    nlp = make_nlp()
    doc = nlp(" \n Kevin \t Durant \n ")
    assert [ent.text for ent in doc.ents] == ["Kevin \t Durant"]
    assert not doc.ents[0][0].is_space
    assert not doc.ents[0][-1].is_space


def test_decoding():
    says = {"Kevin": "B-per", "Durant": [0, 0, 1, 0, 2, 0, 0], "left": [0, 0, 4, 0, 0, 0, 0]}
    assert entities(make_nlp(says, decoding="viterbi")(TEXT)) == [("Kevin Durant left", "per")]
    assert entities(make_nlp(says, decoding="greedy")(TEXT)) == [("Kevin", "per"), ("Durant", "org"), ("left", "per")]


def test_a_greedy_entity_has_a_score_too():
    says = {"Kevin": "B-per", "Durant": [0, 0, 0, 0, 2, 0, 0]}
    doc = make_nlp(says, decoding="greedy")(TEXT)
    assert entities(doc) == [("Kevin", "per"), ("Durant", "org")]
    assert 0 < doc.ents[1]._.score < 0.25


# Tag schemes

TWO_AND_ONE = {"New": ("geo", "first"), "York": ("geo", "last"), "Paris": ("geo", "single"), "Oslo": ("geo", "next")}


@pytest.mark.parametrize(
    ("tags", "scheme", "says"),
    [
        ("O B-geo I-geo B-per", "IOB1", ["I-geo", "I-geo", "B-geo", "O", "I-geo"]),
        ("O B-geo I-geo B-per", "IOB2", ["B-geo", "I-geo", "B-geo", "O", "B-geo"]),
        ("O B-geo I-geo B-per", None, ["B-geo", "I-geo", "B-geo", "O", "B-geo"]),
        ("O B-geo I-geo B-per", None, ["I-geo", "I-geo", "B-geo", "O", "I-geo"]),
        ("O I-geo E-geo", "IOE1", ["I-geo", "E-geo", "I-geo", "O", "I-geo"]),
        ("O I-geo E-geo", "IOE2", ["I-geo", "E-geo", "E-geo", "O", "E-geo"]),
        ("O I-geo E-geo", None, ["I-geo", "E-geo", "E-geo", "O", "E-geo"]),
        ("O B-geo I-geo L-geo U-geo", None, ["B-geo", "L-geo", "U-geo", "O", "U-geo"]),
        ("O B-geo I-geo E-geo S-geo", None, ["B-geo", "E-geo", "S-geo", "O", "S-geo"]),
    ],
)
@pytest.mark.parametrize("decoding", ["viterbi", "greedy"])
def test_checkpoints_in_every_scheme(tags, scheme, says, decoding):
    words = ["New", "York", "Paris", "and", "Oslo"]
    nlp = make_nlp(dict(zip(words, says, strict=True)), tuple(tags.split()), scheme, decoding=decoding)
    assert entities(nlp(" ".join(words))) == [("New York", "geo"), ("Paris", "geo"), ("Oslo", "geo")]


def test_labels_without_prefixes():
    nlp = make_nlp({"New": "geo", "York": "geo", "Ann": "creative-work"}, ("O", "geo", "creative-work"))
    assert entities(nlp("New York Ann")) == [("New York", "geo"), ("Ann", "creative-work")]


def test_labels_that_look_like_prefixed_ones():
    nlp = make_nlp({"x": "B-cell", "y": "I-band"}, ("O", "B-cell", "I-band"), "plain")
    assert entities(nlp("x y")) == [("x", "B-cell"), ("y", "I-band")]


def test_labels_with_hyphens():
    nlp = make_nlp({"Moby": "B-creative-work", "Dick": "I-creative-work"}, ("O", "B-creative-work", "I-creative-work"))
    assert entities(nlp("Moby Dick")) == [("Moby Dick", "creative-work")]


# Calibration


def test_the_temperature_makes_scores_honest():
    # The model is confident about every name and correct in two of three cases.
    nlp = make_nlp(certainty=8.0)
    pipe = nlp.get_pipe("bert_ner")
    examples = []
    for i in range(60):
        gold = nlp.make_doc(TEXT)
        labels = ("per", "org") if i % 3 else ("org", "per")
        gold.ents = [Span(gold, 0, 2, label=labels[0]), Span(gold, 4, 6, label=labels[1])]
        examples.append(Example(nlp.make_doc(TEXT), gold))
    before = nlp(TEXT).ents[0]._.score
    report = pipe.calibrate(examples)
    assert before > 0.99
    assert report["n_entities"] == 120
    assert report["ece_before"] == pytest.approx(before - 2 / 3, abs=0.01)
    assert report["ece_after"] < 0.02
    assert report["temperature"] > 1
    assert nlp(TEXT).ents[0]._.score == pytest.approx(2 / 3, abs=0.02)
    assert entities(nlp(TEXT)) == [("Kevin Durant", "per"), ("Brooklyn Nets", "org")]


def test_the_temperature_is_saved(tmp_path):
    pipe = make_nlp().get_pipe("bert_ner")
    pipe.cfg["temperature"] = 2.5
    from_bytes, from_disk = (spacy.blank("en").add_pipe("bert_ner") for _ in range(2))
    from_bytes.from_bytes(pipe.to_bytes(exclude=["model", "vocab"]))
    pipe.to_disk(tmp_path, exclude=["model", "vocab"])
    from_disk.from_disk(tmp_path, exclude=["model", "vocab"])
    assert from_bytes.cfg["temperature"] == from_disk.cfg["temperature"] == 2.5


few_entities = pytest.mark.filterwarnings("ignore:The temperature for 'bert_ner' was fitted on")


@few_entities
def test_the_error_before_is_that_of_the_temperature_until_now():
    nlp = make_nlp(certainty=8.0)
    right = nlp(TEXT)
    wrong = right.copy()
    wrong.ents = [Span(wrong, 0, 2, label="per"), Span(wrong, 4, 6, label="geo")]
    examples = [Example(nlp.make_doc(TEXT), gold) for gold in (right, wrong)]
    first, second = (nlp.get_pipe("bert_ner").calibrate(examples) for _ in range(2))
    assert first["ece_before"] > 0.2
    assert first["ece_after"] < 0.01
    assert second["ece_before"] == first["ece_after"]


@few_entities
def test_entities_without_annotation_do_not_count_in_calibration():
    nlp = make_nlp(certainty=8.0)
    whole, part = nlp.make_doc(TEXT), nlp.make_doc(TEXT)
    whole.ents = [Span(whole, 0, 2, label="per"), Span(whole, 4, 6, label="geo")]
    part.set_ents([Span(part, 0, 2, label="per")], missing=[part[5:6]], default="outside")
    # The label for "Brooklyn Nets" is incorrect once and unknown twice. The label for "Kevin Durant" is always correct.
    report = nlp.get_pipe("bert_ner").calibrate([Example(nlp.make_doc(TEXT), gold) for gold in (part, whole, part)])
    assert report["n_entities"] == 4
    assert nlp(TEXT).ents[0]._.score == pytest.approx(3 / 4, abs=0.02)


def test_what_cannot_be_calibrated():
    nlp = make_nlp()
    gold = nlp(TEXT)
    with pytest.raises(BertNerError, match="2 of 2 predicted entities are correct. Allowed: held-out"):
        nlp.get_pipe("bert_ner").calibrate([Example(nlp.make_doc(TEXT), gold)])
    with pytest.raises(BertNerError, match="0 of 0 predicted entities are correct"):
        nlp.get_pipe("bert_ner").calibrate([Example(nlp.make_doc(TEXT), nlp.make_doc(TEXT))])
    with pytest.raises(BertNerError, match="computes no entity scores because spans_key = null"):
        make_nlp(spans_key=None).get_pipe("bert_ner").calibrate([])


def test_empty_docs_and_white_space():
    nlp = make_nlp()
    docs = list(nlp.pipe(["", " ", TEXT, "\n\n", ""]))
    assert [len(doc.ents) for doc in docs] == [0, 0, 2, 0, 0]
    assert all("bert_ner" in doc.spans for doc in docs)
    assert nlp.get_pipe("bert_ner").predict([]) == []
