"""Test corpora in every tag scheme and in every format."""

import re
from pathlib import Path

import pytest
import spacy
from support import ROOT

from spacy_bert_ner.corpus import read_corpus
from spacy_bert_ner.corpus import scheme_detection as scheme_module
from spacy_bert_ner.corpus.scheme_detection import SchemeDetector
from spacy_bert_ner.corpus.sentence import Sentence, to_doc
from spacy_bert_ner.decoding.tag_scheme import PREFIXES, build_tag_set, infer_scheme, tags_of_labels
from spacy_bert_ner.errors import CorpusError

WNUT = ROOT.parent / "shared" / "data" / "wnut17"
SCHEMES = "IOB1, IOB2, IOE1, IOE2, BILUO, IOBES, BMES, BMEWO, plain"
ALIASES = "BIO means IOB2, BIOES means IOBES, BILOU means BILUO"

# Six tokens with an entity of three tokens, an entity of one token, and directly after it another with the same label.
SPELLED = {
    "IOB1": "I-per I-per I-per O I-per B-per",
    "IOB2": "B-per I-per I-per O B-per B-per",
    "IOE1": "I-per I-per I-per O E-per I-per",
    "IOE2": "I-per I-per E-per O E-per E-per",
    "BILUO": "B-per I-per L-per O U-per U-per",
    "IOBES": "B-per I-per E-per O S-per S-per",
    "BMES": "B-per M-per E-per O S-per S-per",
    "BMEWO": "B-per M-per E-per O W-per W-per",
}
IOB2 = SPELLED["IOB2"]


def as_sentences(tags: list[str]) -> str:
    rows = (f"{' '.join('w' for _ in row.split(' '))},{row}\n" for row in tags)
    return "text,labels\n" + "".join(rows)


def as_tokens(tags: list[str]) -> str:
    rows = (f"{i},w,NN,{tag}\n" for i, row in enumerate(tags) for tag in row.split(" "))
    return "Sentence #,Word,POS,Tag\n" + "".join(rows)


def as_columns(tags: list[str]) -> str:
    return "\n".join("".join(f"w NN {tag}\n" for tag in row.split(" ")) for row in tags)


FORMATS = pytest.mark.parametrize("layout", [as_sentences, as_tokens, as_columns])


def write(folder: Path, content: str) -> Path:
    path = folder / "corpus.conll"
    path.write_text(content, encoding="utf-8")
    return path


def tags(sentences: list[Sentence]) -> list[str]:
    return [" ".join(sentence.tags) for sentence in sentences]


@FORMATS
@pytest.mark.parametrize("named", [False, True], ids=["told", "named"])
@pytest.mark.parametrize("scheme", SPELLED)
def test_every_scheme_becomes_iob2(tmp_path, layout, scheme, named):
    path = write(tmp_path, layout(["O O", SPELLED[scheme], "O"]))
    corpus = read_corpus(path, tag_scheme=scheme if named else None)
    assert (corpus.tag_scheme, corpus.n_repaired) == (scheme, 0)
    assert tags(corpus.sentences) == ["O O", IOB2, "O"]


@FORMATS
def test_plain_labels_become_iob2(tmp_path, layout):
    corpus = read_corpus(write(tmp_path, layout(["per per geo O creative-work", "per O"])))
    assert (corpus.tag_scheme, corpus.n_repaired) == ("plain", 0)
    assert tags(corpus.sentences) == ["B-per I-per B-geo O B-creative-work", "B-per O"]


@pytest.mark.parametrize("scheme", SPELLED)
def test_labels_may_hold_hyphens(tmp_path, scheme):
    corpus = read_corpus(write(tmp_path, as_columns([SPELLED[scheme].replace("per", "creative-work")])))
    assert corpus.tag_scheme == scheme
    assert tags(corpus.sentences) == [IOB2.replace("per", "creative-work")]


def test_a_chinese_corpus_has_a_tag_for_each_character(tmp_path):
    rows = "王 B-NAME\n小 M-NAME\n明 E-NAME\n在 O\n北 B-LOC\n京 E-LOC\n。 O\n\n他 O\n走 O\n"
    corpus = read_corpus(write(tmp_path, rows))
    assert (corpus.tag_scheme, corpus.n_repaired) == ("BMES", 0)
    assert tags(corpus.sentences) == ["B-NAME I-NAME I-NAME O B-LOC I-LOC O", "O O"]


@pytest.mark.parametrize(
    ("sentences", "scheme", "iob2", "n_repaired"),
    [
        # `B-` and `I-`: IOB1 only if every `B-` directly follows an entity with its label
        (["I-per I-per O I-geo"], "IOB1", ["B-per I-per O B-geo"], 0),
        (["I-per B-per I-geo O"], "IOB1", ["B-per B-per B-geo O"], 0),
        (["I-per I-per B-per", "B-geo O"], "IOB2", ["B-per I-per B-per", "B-geo O"], 1),
        (["I-per", "B-per"], "IOB2", ["B-per", "B-per"], 1),
        (["I-geo B-per"], "IOB2", ["B-geo B-per"], 1),
        (["B-per I-per B-per O"], "IOB2", ["B-per I-per B-per O"], 0),
        (["B-per O B-geo B-geo"], "IOB2", ["B-per O B-geo B-geo"], 0),
        (["I-per", "I-per O"], "IOB1", ["B-per", "B-per O"], 0),  # no entity continues in the next sentence
        # `I-` and `E-`: IOE1 only if every `E-` directly precedes an entity with its label
        (["E-per I-per O I-geo"], "IOE1", ["B-per B-per O B-geo"], 0),
        (["E-per I-per O E-geo"], "IOE2", ["B-per B-per O B-geo"], 1),
        (["E-per I-geo I-geo"], "IOE2", ["B-per B-geo I-geo"], 1),
        (["I-per E-per", "I-per"], "IOE2", ["B-per I-per", "B-per"], 1),
        (["E-per E-per O"], "IOE2", ["B-per B-per O"], 0),
        # One label has tags that another label lacks.
        (["U-per B-geo L-geo"], "BILUO", ["B-per B-geo I-geo"], 0),
        (["O B-geo L-geo I-geo"], "BILUO", ["O B-geo I-geo B-geo"], 2),
        (["S-per", "B-geo E-geo O"], "IOBES", ["B-per", "B-geo I-geo O"], 0),
        (["S-per", "B-geo M-geo E-geo O"], "BMES", ["B-per", "B-geo I-geo I-geo O"], 0),
        (["B-geo E-geo O", "W-per"], "BMEWO", ["B-geo I-geo O", "B-per"], 0),
        (["O M-geo E-geo B-geo"], "BMES", ["O B-geo I-geo B-geo"], 2),
        # No tags from which to infer a scheme
        (["O O", "O"], "IOB2", ["O O", "O"], 0),
    ],
)
def test_the_scheme_is_told_from_tags_and_sequences(tmp_path, sentences, scheme, iob2, n_repaired):
    corpus = read_corpus(write(tmp_path, as_columns(sentences)))
    assert (tags(corpus.sentences), corpus.tag_scheme, corpus.n_repaired) == (iob2, scheme, n_repaired)


@FORMATS
def test_a_named_scheme_is_taken_at_its_word(tmp_path, layout):
    path = write(tmp_path, layout(["I-per I-per O", "O I-per"]))
    told, named = read_corpus(path), read_corpus(path, tag_scheme="IOB2")
    assert (told.tag_scheme, told.n_repaired) == ("IOB1", 0)
    assert (named.tag_scheme, named.n_repaired) == ("IOB2", 2)
    assert tags(told.sentences) == tags(named.sentences) == ["B-per I-per O", "O B-per"]


@FORMATS
def test_plain_takes_what_looks_like_a_prefix_and_needs_no_o(tmp_path, layout):
    format = {"as_columns": "conll"}.get(layout.__name__, "auto")
    path = write(tmp_path, layout(["B-cell B-cell NN", "NN I-"]))
    corpus = read_corpus(path, format=format, tag_scheme="plain")
    assert tags(corpus.sentences) == ["B-B-cell I-B-cell B-NN", "B-NN B-I-"]
    doc = to_doc(corpus.sentences[0], spacy.blank("en").vocab)
    assert [(ent.label_, ent.start, ent.end) for ent in doc.ents] == [("B-cell", 0, 2), ("NN", 2, 3)]


def test_a_named_scheme_does_for_a_corpus_without_entities(tmp_path):
    corpus = read_corpus(write(tmp_path, "w O\n"), tag_scheme="IOBES")
    assert (corpus.tag_scheme, tags(corpus.sentences)) == ("IOBES", ["O"])


def test_only_the_sentences_that_are_read_tell_the_scheme(tmp_path):
    path = write(tmp_path, as_columns(["O U-per", "O S-per"]))
    assert read_corpus(path, limit=1).tag_scheme == "BILUO"
    with pytest.raises(CorpusError, match="line 5, the last column: the tag 'S-per' does not fit"):
        read_corpus(path)


# Errors


@pytest.mark.parametrize(
    ("layout", "place"),
    [(as_sentences, "3, word 2"), (as_tokens, "5, column Tag"), (as_columns, "5, the last column")],
    ids=["sentences", "tokens", "conll"],
)
@pytest.mark.parametrize(
    ("before", "tag"),
    [
        ("B-per I-per", "per"),
        ("B-per I-per", "B_per"),
        ("B-per I-per", "X-per"),
        ("I-per O", "B-"),
        ("O B-per", "o"),
        ("B-per L-per", "S-per"),
        ("B-per E-per", "U-geo"),
        ("B-per I-per", "M-per"),
        ("M-per S-per", "W-geo"),
        ("per O", "I-per"),
    ],
)
def test_a_tag_that_does_not_fit_those_before_it_is_refused(tmp_path, layout, place, before, tag):
    path = write(tmp_path, layout([before, f"O {tag} O", tag]))  # the error is about the first occurrence
    shown = ", ".join(t for t in before.split() if t != "O")
    expected = (
        f"{path}, line {place}: the tag {tag!r} does not fit the scheme of the earlier "
        f"tags ({shown}). Allowed: O and tags with prefixes "
        "from one scheme, such as B-per, or O and labels without prefixes, such as per. Fix the tag. If every tag "
        f"except O is itself a label, specify --tag-scheme plain. The schemes are: {SCHEMES}."
    )
    with pytest.raises(CorpusError, match=f"^{re.escape(expected)}$"):
        read_corpus(path)


@pytest.mark.parametrize(
    ("scheme", "tag", "allowed"),
    [
        ("IOB2", "E-per", "O, B-<label>, I-<label>"),
        ("IOE1", "B-per", "O, I-<label>, E-<label>"),
        ("BILUO", "S-per", "O, B-<label>, I-<label>, L-<label>, U-<label>"),
        ("IOBES", "per", "O, B-<label>, I-<label>, E-<label>, S-<label>"),
        ("BMES", "I-per", "O, B-<label>, M-<label>, E-<label>, S-<label>"),
        ("BMEWO", "S-per", "O, B-<label>, M-<label>, E-<label>, W-<label>"),
        ("IOB1", "B-", "O, B-<label>, I-<label>"),
    ],
)
def test_a_tag_that_is_not_of_the_named_scheme_is_refused(tmp_path, scheme, tag, allowed):
    path = write(tmp_path, as_sentences(["O", f"O {tag}"]))
    expected = (
        f"{path}, line 3, word 2: the tag '{tag}' does not belong to the scheme {scheme}. Allowed: {allowed}. Fix the "
        f"tag, or replace --tag-scheme {scheme} with another scheme. The schemes are: {SCHEMES}."
    )
    with pytest.raises(CorpusError, match=f"^{re.escape(expected)}$"):
        read_corpus(path, tag_scheme=scheme)


@FORMATS
def test_labels_without_any_o_have_to_be_named(tmp_path, layout):
    path = write(tmp_path, layout(["DT NN", "NN VBZ"]))
    place = {as_columns: "1, the last column", as_tokens: "2, column Tag", as_sentences: "2, word 1"}[layout]
    expected = (
        f"{path}, line {place}: the tag 'DT' has no prefix, and no word has the tag O, so every word would "
        "belong to an entity. "
    )
    with pytest.raises(
        CorpusError, match=f"^{re.escape(expected)}.* every word belongs to an entity, specify --tag-scheme plain$"
    ):
        read_corpus(path, format="conll" if layout is as_columns else "auto")


@pytest.mark.parametrize("named", [None, "plain"])
def test_a_column_of_as_many_tags_as_words_is_refused(tmp_path, named):
    """Test a column that contains other values than tags, such as lemmas."""
    path = write(tmp_path, "a O\n" + "".join(f"w{i} lemma{i}\n" for i in range(1001)))
    expected = (
        f"{path}, line 2, the last column: 1001 words have 1001 different tags without prefixes ('lemma0', 'lemma1', "
        "'lemma2', 'lemma3', 'lemma4'), which is too many labels. In a column file, specify the tag column: "
        "--column 2. "
        "If the tags are labels, specify --tag-scheme plain. This requires an average of at least 10 words per label."
    )
    with pytest.raises(CorpusError, match=f"^{re.escape(expected)}$"):
        read_corpus(path, format="conll", tag_scheme=named)


def test_a_thousand_labels_may_be_in_a_column(tmp_path):
    path = write(tmp_path, "a O\n" + "".join(f"w{i} label{i}\n" for i in range(1000)))
    assert read_corpus(path).tag_scheme == "plain"


def test_more_labels_have_to_be_named_and_shared_by_words(tmp_path):
    path = write(tmp_path, "a O\n" + "".join(f"w{i} label{i % 1001}\n\n" for i in range(10_010)))
    with pytest.raises(CorpusError, match="10010 words have 1001 different tags without prefixes"):
        read_corpus(path)
    assert len(read_corpus(path, tag_scheme="plain").sentences) == 10_010


@pytest.mark.parametrize("scheme", [None, "IOB2", "plain"])
def test_the_work_grows_with_the_number_of_different_tags_alone(monkeypatch, scheme):
    """Test that every tag is compared with at most one tag for each prefix, whether it matches or not."""
    compared = 0

    def count(tags):
        nonlocal compared
        compared += len(tags)
        return infer_scheme(tags)

    monkeypatch.setattr(scheme_module, "infer_scheme", count)
    survey = SchemeDetector()
    tags = [f"{prefix}{i}" for i in range(500) for prefix in ("B-", "I-", "L-", "U-", "E-", "")]
    survey.add(Sentence(["w"] * len(tags), tags, [1] * len(tags)))
    odd = survey.mismatched_tags(Path("a"), scheme)
    assert len(odd) == {None: 1000, "IOB2": 2000, "plain": 0}[scheme]
    assert compared <= 6 * len(tags)


def test_what_broke_a_rule_is_repaired_whatever_the_number_of_labels(tmp_path):
    """Test many labels. A scheme's rules do not depend on labels, so nothing grows with the square of their number."""
    rows = "".join(f"a B-{i}\nb I-{i}\nc I-{i + 1}\n\n" for i in range(5000))
    corpus = read_corpus(write(tmp_path, rows))
    assert (corpus.tag_scheme, corpus.n_repaired) == ("IOB2", 5000)
    assert corpus.sentences[4999].tags == ["B-4999", "I-4999", "B-5000"]


def test_tags_with_prefixes_are_no_plain_labels(tmp_path):
    rows = "".join(f"a {prefix}-{label}\n" for label in "abcde" for prefix in "BI")
    path = write(tmp_path, rows + "b O\nc x\n")
    expected = f"{path}: 10 of 11 tags have the prefix of a scheme (B-a, I-a, B-b, I-b, B-c). --tag-scheme plain "
    expected += "would treat the prefix as part of the label. Omit --tag-scheme plain."
    with pytest.raises(CorpusError, match=f"^{re.escape(expected)}$"):
        read_corpus(path, tag_scheme="plain")
    path = write(tmp_path, rows + "b O\nc x\nd y\n")
    assert read_corpus(path, tag_scheme="plain").sentences[0].tags[:3] == ["B-B-a", "B-I-a", "B-B-b"]


@pytest.mark.parametrize("scheme", ["iob3", "IOB", "IOE", "auto", ""])
def test_a_scheme_that_is_not_in_the_table_is_refused(tmp_path, scheme):
    expected = f"[convert] --tag-scheme = '{scheme}' is invalid. Allowed: {SCHEMES}; {ALIASES}."
    with pytest.raises(CorpusError, match=f"^{re.escape(expected)}$"):
        read_corpus(tmp_path / "not-read", tag_scheme=scheme)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("BIO", "IOB2"), ("bio", "IOB2"), ("BIOES", "IOBES"), ("Bilou", "BILUO"), ("iob2", "IOB2"), ("PLAIN", "plain")],
)
def test_a_scheme_may_have_another_name_in_any_case(tmp_path, name, scheme):
    spelled = SPELLED.get(scheme, "per per per O O O")
    corpus = read_corpus(write(tmp_path, as_columns([spelled])), tag_scheme=name)
    assert (corpus.tag_scheme, corpus.n_repaired) == (scheme, 0)
    assert tags(corpus.sentences)[0].startswith("B-per I-per I-per O")


# A real corpus whose labels contain hyphens


@pytest.mark.corpora
@pytest.mark.parametrize("scheme", PREFIXES)
def test_wnut_is_the_same_in_every_scheme(tmp_path, scheme):
    if not WNUT.exists():
        pytest.skip(f"the WNUT17 corpus is not at {WNUT}")
    original = read_corpus(WNUT / "dev.conll")
    assert (original.tag_scheme, original.n_repaired, len(original.sentences)) == ("IOB2", 0, 1009)
    labels = {tag[2:] for sentence in original.sentences for tag in sentence.tags if tag != "O"}
    assert labels == {"corporation", "creative-work", "group", "location", "person", "product"}
    known = build_tag_set(tags_of_labels(labels, scheme), scheme)
    vocab = spacy.blank("en").vocab
    rows = []
    for sentence in original.sentences:
        biluo = [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else "O" for t in to_doc(sentence, vocab)]
        for i, tag in enumerate(biluo):
            if tag != "O" and biluo[i + 1 : i + 2] != [f"I-{tag[2:]}"]:
                biluo[i] = ("U" if tag[0] == "B" else "L") + tag[1:]
        rows += [f"{word}\t{known.tags[i]}" for word, i in zip(sentence.words, known.encode(biluo), strict=True)] + [""]
    corpus = read_corpus(write(tmp_path, "\n".join(rows)))
    assert (corpus.tag_scheme, corpus.n_repaired) == (scheme, 0)
    different = [(a.words, a.tags) for a, b in zip(original.sentences, corpus.sentences, strict=True) if a[:2] != b[:2]]
    assert len(different) == (6 if scheme == "plain" else 0)  # adjacent entities with the same label are merged


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ([None, "B-x", "I-x", "I-y"], "IOB1"),  # the `B-` can separate two entities
        (["O", "B-x", None, "I-x"], "IOB2"),
        (["B-x", None, "L-x"], "BILUO"),
        (["x", None, "O"], "plain"),
        ([None, "E-x", "I-y", "E-x", None], "IOE2"),
        (["I-x", "E-x", None], "IOE1"),  # the `E-` can separate two entities
    ],
)
def test_the_scheme_is_told_from_the_tags_that_are_known(tags, scheme):
    survey = SchemeDetector()
    survey.add(Sentence(["w"] * len(tags), tags, [1] * len(tags)))
    assert survey.scheme(Path("a"), None) == scheme


def test_unknown_tags_alone_are_of_no_scheme():
    survey = SchemeDetector()
    survey.add(Sentence(["w"], [None], [1]))
    assert survey.scheme(Path("a"), None) is None


def test_an_unknown_tag_has_no_annotation_in_the_doc():
    doc = to_doc(Sentence(["a", "b", "c"], [None, "B-x", "O"], [1, 1, 1]), spacy.blank("en").vocab)
    assert [token.ent_iob_ for token in doc] == ["", "B", "O"]
