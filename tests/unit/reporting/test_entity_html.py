"""Test coloured entities in notebooks and pages."""

import re
from itertools import combinations

import numpy as np
import pytest
import spacy
from spacy import displacy
from spacy.tokens import Doc, Span

import spacy_bert_ner
from spacy_bert_ner.reporting.entity_html import EntitySpan, render_entities
from spacy_bert_ner.reporting.label_colours import TINTS, label_colors
from spacy_bert_ner.types import DocPredictions


def luminance(colour):
    """Return the relative luminance of a colour by WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


# Linear RGB as seen with one kind of cone missing: Machado et al. 2009, https://doi.org/10.1109/TVCG.2009.113
VISIONS = {
    "all": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def lab(colour, vision):
    """Return a colour in CIELAB, where distances match perceived differences. A distance of 2.3 is just noticeable."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(VISIONS[vision]) @ linear, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_differ_for_all_eyes(vision):
    places = [lab(colour, vision) for colour in (*TINTS, "#ffffff")]
    assert min(np.linalg.norm(one - other) for one, other in combinations(places, 2)) > 15


@pytest.mark.parametrize("tint", TINTS)
def test_dark_text_can_be_read_on_each_colour(tint):
    assert (luminance(tint) + 0.05) / (luminance("#1c2126") + 0.05) >= 7


def test_the_same_labels_have_the_same_colours():
    assert label_colors(["per", "geo"]) == label_colors({"geo", "per"}) == {"geo": "#99bc81", "per": "#f18fa8"}
    assert len({*label_colors([str(i) for i in range(20)]).values()}) == len(TINTS)


USUAL_SETS = ["PER ORG LOC MISC", "art eve geo gpe nat org per tim", "PERSON ORG GPE DATE NORP EVENT LOC WORK_OF_ART"]


@pytest.mark.parametrize("labels", [*USUAL_SETS, "a b c d e f g h", "drug dose route", "DATE TIME", "per PER PERSON"])
def test_up_to_eight_labels_of_a_pipeline_differ(labels):
    colours = label_colors(labels.split())
    assert len({*colours.values()}) == len(colours) == len(labels.split())


def test_a_label_has_one_colour_whatever_else_there_is():
    assert label_colors(["DATE", "TIME"])["DATE"] == label_colors([])["DATE"] == label_colors(["DATE"])["DATE"]
    first, second = ["DATE", "TIME"], ["drug", "TIME", "route"]
    both = label_colors(first, second)
    assert {label: both[label] for label in first} == label_colors(first)
    assert len({*both.values()}) == 4
    many = [f"label {i}" for i in range(33)]
    assert label_colors(many) == {label: label_colors([])[label] for label in many}


@pytest.mark.parametrize("labels", USUAL_SETS)
def test_displacy_gives_usual_labels_the_same_colours(labels):
    words = labels.split()
    doc = Doc(spacy.blank("en").vocab, words=words)
    doc.set_ents([Span(doc, i, i + 1, label=label) for i, label in enumerate(words)])
    page = displacy.render(doc, style="ent", jupyter=False)
    assert re.findall("background: (#......)", page) == [label_colors(words)[label] for label in words]


def test_entities_are_marked_and_everything_is_escaped():
    text = "<b>Kevin</b> & {x}"
    page = render_entities(text, [EntitySpan(3, 8, "<per>", 0.956, True)], {"<per>": "#8cc1e0"})
    assert "<b>Kevin" not in page
    assert "&lt;b&gt;<mark" in page
    assert "background: #8cc1e0" in page
    assert "outline: 2px" in page
    assert re.sub(r"<[^>]*>", "", page) == "&lt;b&gt;Kevin&lt;per&gt; 0.96&lt;/b&gt; &amp; {x}"


def test_labels_in_small_and_capital_letters_are_two():
    page = render_entities("a b", [EntitySpan(0, 1, "x"), EntitySpan(2, 3, "X")], {"x": "#000001", "X": "#000002"})
    assert re.findall("#00000.", page) == ["#000001", "#000002"]
    assert "outline" not in page


def test_of_entities_that_overlap_the_text_is_shown_once():
    page = render_entities(
        "Paris-Lyon left", [EntitySpan(0, 10, "x"), EntitySpan(0, 10, "y"), EntitySpan(6, 15, "x")], label_colors("xy")
    )
    assert re.sub(r"<[^>]*>", "|", page).replace("|", "") == "Paris-Lyonxy leftx"


def test_a_notebook_shows_text_and_table(nlp, examples):
    doc = nlp.make_doc("Kevin Durant <i> lives")
    doc.set_ents([Span(doc, 0, 2, label="per")])
    shown = spacy_bert_ner.show(doc)
    assert "Durant<b" in shown._repr_html_()
    assert "<i>" not in shown._repr_html_()
    assert re.findall("<td>(.*?)</td>", shown._repr_html_()) == ["Kevin Durant", "per", "-", "0", "12"]
    assert repr(shown) == "Kevin Durant  per  -"


def test_a_notebook_shows_a_label_in_one_colour_in_every_text():
    nlp = spacy.blank("en")
    patterns = [{"label": "TIME", "pattern": "noon"}, {"label": "DATE", "pattern": "today"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.add_pipe("bert_ner", config={"model": {"name": "unused"}})
    pipe = nlp.get_pipe("bert_ner")
    expected = label_colors(["DATE", "TIME"])["TIME"]
    assert expected != label_colors([])["TIME"]
    doc = nlp.get_pipe("entity_ruler")(nlp.make_doc("noon"))
    predictions = [DocPredictions()]
    pipe._add_labels_to_colour(predictions)
    pipe.set_annotations([doc], predictions)
    for one in (doc, Doc(nlp.vocab).from_bytes(doc.to_bytes())):
        assert re.findall("background: (#......)", spacy_bert_ner.show(one)._repr_html_()) == [expected]


def test_scores_of_the_component_are_shown(make_nlp, tagger):
    doc = make_nlp(name=tagger)("Kevin Durant lives in New York")
    assert doc.ents
    cells = re.findall("<td>(.*?)</td>", spacy_bert_ner.show(doc)._repr_html_())
    assert cells[:3] == [doc.ents[0].text, doc.ents[0].label_, f"{doc.ents[0]._.score:.3f}"]
    assert repr(spacy_bert_ner.show(doc)).splitlines()[0].endswith(f"{doc.ents[0]._.score:.3f}")


def test_a_doc_without_entities():
    shown = spacy_bert_ner.show(spacy.blank("en")("a < b"))
    assert "a &lt; b" in shown._repr_html_()
    assert "No entities." in shown._repr_html_()
    assert repr(shown) == "no entities"
