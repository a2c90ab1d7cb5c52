"""Test that each word's label survives conversion and alignment, whatever punctuation the word contains."""

from collections.abc import Iterable

import pytest
import spacy
from checkpoints import make_tokenizer
from spacy.training import Example
from spacy.util import minibatch
from support import ROOT

from spacy_bert_ner.corpus import read_corpus
from spacy_bert_ner.corpus.sentence import Sentence, to_doc
from spacy_bert_ner.losses import gold_tags as gold
from spacy_bert_ner.models.token_classifier import get_tags
from spacy_bert_ner.tokenization.alignment import first_subword_rows

GMB = ROOT.parent / "shared" / "data" / "gmb" / "ner_dataset.csv.zip"

# fmt: off
WORDS = ["The", "U.N.", "envoy", "'s", "hour-long", "talk", "with", "Mr.", "O'Neill", "of", "Tel-Aviv", "cost",
         "$3.5bn", ",", "\x85", "said", "Anne-Marie", "."]
TAGS = ["O", "B-org", "O", "O", "O", "O", "O", "B-per", "I-per", "O", "B-geo", "O", "O", "O", "O", "O", "B-per", "O"]
# fmt: on


@pytest.fixture(scope="module")
def pipe(encoder):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("bert_ner", config={"model": {"name": str(encoder), "overlap": 8}})
    nlp.config["initialize"]["components"]["bert_ner"] = {
        "labels": ["art", "eve", "geo", "gpe", "nat", "org", "per", "tim"]
    }
    doc = nlp.make_doc("x")
    nlp.initialize(lambda: [Example(doc, doc)])
    return pipe


def labels_that_arrive(pipe, sentences: Iterable[Sentence]) -> Iterable[tuple[Sentence, list[str | None]]]:
    """Yield each sentence with the tags that reach the loss, taken from the first subword of each word.

    A tag is None if the word has no subword, and "no loss" if the subword is masked.
    """
    nlp = spacy.blank("en")
    for batch in minibatch(sentences, 128):
        references = [to_doc(sentence, nlp.vocab) for sentence in batch]
        examples = [Example(nlp.make_doc(reference.text), reference) for reference in references]
        output = pipe.model.predict([eg.predicted for eg in examples])
        for sentence, eg, rows in zip(batch, examples, output, strict=True):
            tag_ids = gold.tag_ids(eg, get_tags(pipe.model), rows.lengths, "bert_ner")
            targets = gold.row_targets(tag_ids, rows.lengths, "first")
            tags = ["no loss" if i < 0 else pipe.tags[i] for i in targets]
            tokens, first = first_subword_rows(rows.lengths)
            # Words are followed by a space, so each of them also starts a token in the pipeline's tokenizer.
            by_character = {eg.predicted[int(t)].idx: tags[row] for t, row in zip(tokens, first, strict=True)}
            yield sentence, [by_character.get(word.idx) for word in eg.reference]


def test_the_label_of_every_word_arrives(pipe):
    [(_, arrived)] = labels_that_arrive(pipe, [Sentence(WORDS, TAGS, [1] * len(WORDS))])
    assert arrived == [None if word == "\x85" else tag for word, tag in zip(WORDS, TAGS, strict=True)]


def test_word_ids_on_white_space_words_shift_labels():
    # Do as tutorials do: assign one label to each white-space word, using the tokenizer's `word_ids()`. Its words end
    # at punctuation, so "U.N." has four words, and all later labels are assigned to wrong words.
    text = " ".join(WORDS)
    encoding = make_tokenizer()(text)
    words = sorted({i for i in encoding.word_ids() if i is not None})
    labelled = [(text[slice(*encoding.word_to_chars(i))], TAGS[i]) for i in words if i < len(TAGS) and TAGS[i] != "O"]
    assert labelled == [("U", "B-org"), ("s", "B-per"), ("hour", "I-per"), ("long", "B-geo"), ("'", "B-per")]


@pytest.mark.corpora
def test_the_label_of_every_gmb_word_arrives(pipe):
    if not GMB.exists():
        pytest.skip(f"the GMB corpus is not at {GMB}")
    sentences = read_corpus(GMB, spacing="single").sentences  # single spaces, as `labels_that_arrive` requires
    assert len(sentences) == 47_959
    lost = [
        (word, tag, has)
        for sentence, arrived in labels_that_arrive(pipe, sentences)
        for word, tag, has in zip(sentence.words, sentence.tags, arrived, strict=True)
        if has != tag
    ]
    # In Latin-1, these dashes and quotation marks would be control characters, which the tokenizer drops. In
    # Windows-1252, they are not.
    assert lost == []
