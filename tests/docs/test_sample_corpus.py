"""Test the contents of `assets/sample_ner.csv`, which is read with only the standard library."""

import csv
from collections import Counter, defaultdict
from itertools import combinations, pairwise

import pytest
import spacy
from spacy.tokens import DocBin
from support import ROOT

from spacy_bert_ner.corpus.convert import convert

SAMPLE = ROOT / "assets" / "sample_ner.csv"
LABELS = ("art", "eve", "geo", "gpe", "nat", "org", "per", "tim")

Sentences = list[tuple[list[str], list[str]]]


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    assert header == ["text", "labels"]
    return [(text.split(" "), labels.split(" ")) for text, labels in rows]


@pytest.fixture(scope="module")
def mentions(sentences) -> list[tuple[str, str]]:
    found = []
    for words, tags in sentences:
        starts = [i for i, tag in enumerate(tags) if tag.startswith("B-")]
        for start in starts:
            end = start + 1
            while end < len(tags) and tags[end] == f"I-{tags[start][2:]}":
                end += 1
            found.append((" ".join(words[start:end]), tags[start][2:]))
    return found


def test_it_has_1000_sentences_of_5_to_60_words(sentences):
    assert len(sentences) == 1000
    assert [words for words, _ in sentences if not 5 <= len(words) <= 60] == []


def test_every_word_has_one_label_and_no_white_space(sentences):
    assert [words for words, tags in sentences if len(words) != len(tags)] == []
    assert [word for words, _ in sentences for word in words if word.split() != [word]] == []


def test_it_has_exactly_the_17_tags(sentences):
    expected = {"O", *(f"{prefix}-{label}" for prefix in "BI" for label in LABELS)}
    assert len(expected) == 17
    assert {tag for _, tags in sentences for tag in tags} == expected


def test_every_tag_sequence_is_legal_iob2(sentences):
    illegal = [
        (words, before, tag)
        for words, tags in sentences
        for before, tag in pairwise(["O", *tags])
        if tag.startswith("I-") and before[2:] != tag[2:]
    ]
    assert illegal == []


@pytest.mark.parametrize("label", LABELS)
def test_each_type_has_at_least_40_mentions(mentions, label):
    assert sum(of_mention == label for _, of_mention in mentions) >= 40


def test_it_has_at_least_2000_mentions(mentions):
    assert len(mentions) >= 2000


def test_at_least_100_sentences_have_no_entity(sentences):
    assert sum(set(tags) == {"O"} for _, tags in sentences) >= 100


def test_no_two_sentences_share_most_of_their_4_grams(sentences):
    grams = [{tuple(words[i : i + 4]) for i in range(len(words) - 3)} for words, _ in sentences]
    sentences_of = defaultdict(list)
    for i, of_sentence in enumerate(grams):
        for gram in of_sentence:
            sentences_of[gram].append(i)
    shared = Counter(pair for indices in sentences_of.values() for pair in combinations(indices, 2))
    alike = [
        (" ".join(sentences[a][0]), " ".join(sentences[b][0]))
        for (a, b), n in shared.items()
        if n / min(len(grams[a]), len(grams[b])) > 0.6
    ]
    assert alike == []


@pytest.mark.parametrize("word", ["U.N.", "hour-long", "O'Neill", "$3.5bn"])
def test_words_with_punctuation_inside_occur(sentences, word):
    assert any(word in words for words, _ in sentences)


def test_an_entity_with_an_accent_occurs(mentions):
    assert ("São Paulo", "geo") in mentions


@pytest.mark.parametrize(
    ("text", "labels"),
    [("Chelsea", {"geo", "org", "per"}), ("Jordan", {"geo", "per"}), ("Paris", {"geo", "per"})],
)
def test_only_the_context_tells_the_label_of_some_names(mentions, text, labels):
    assert {label for of_mention, label in mentions if of_mention == text} >= labels


def test_every_word_keeps_its_label_in_the_spacy_file(sentences, tmp_path):
    done = convert(SAMPLE, tmp_path)
    path = tmp_path / "sample_ner.spacy"
    assert (done.counts, done.format, done.n_repaired) == ({path: 1000}, "gmb-sentences", 0)
    docs = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    assert [
        ([token.text for token in doc], [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else t.ent_iob_ for t in doc])
        for doc in docs
    ] == sentences


def test_the_recipes_split_has_800_100_and_100_sentences_of_every_type(tmp_path):
    convert(SAMPLE, tmp_path, split="80/10/10", seed=42)
    vocab = spacy.blank("en").vocab
    for part, size in {"train": 800, "dev": 100, "test": 100}.items():
        docs = list(DocBin().from_disk(tmp_path / f"{part}.spacy").get_docs(vocab))
        assert len(docs) == size
        assert {ent.label_ for doc in docs for ent in doc.ents} == set(LABELS)
