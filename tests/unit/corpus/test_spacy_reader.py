"""Test the reader `spacy_bert_ner.Corpus.v1` in configs, and joining sentences."""

import inspect
import json
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span, Token
from spacy.training import Example
from spacy.util import load_config, registry
from support import ROOT
from thinc.api import Config

from spacy_bert_ner.corpus import CorpusStream
from spacy_bert_ner.corpus import spacy_reader as reader
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.join_docs import join_docs
from spacy_bert_ner.corpus.spacy_reader import make_corpus_reader_v1
from spacy_bert_ner.errors import BertNerError, CorpusError

NLP = spacy.blank("en")

CONLL = """-DOCSTART- -X- O

Ada NNP B-per
left NN O

Bob NNP B-per
Lee NNP I-per
saw NN O
New JJ B-geo
York NN I-geo
. . O

Nobody NN O
came NN O

-DOCSTART- -X- O

Eve NNP B-per
sang NN O
"""
SENTENCES = ["Ada left", "Bob Lee saw New York.", "Nobody came", "Eve sang"]
ENTITIES = [("Ada", "per"), ("Bob Lee", "per"), ("New York", "geo"), ("Eve", "per")]


def conll(folder: Path, text: str = CONLL, name: str = "a.conll") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def docbin(path: Path, *docs: Doc) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def read(path: object, nlp: Language = NLP, **options: Any) -> list[Example]:
    return list(make_corpus_reader_v1(path, **options)(nlp))


def texts(examples: list[Example]) -> list[str]:
    return [eg.reference.text for eg in examples]


def entities(examples: list[Example]) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for eg in examples for ent in eg.reference.ents]


def gmb(folder: Path) -> Path:
    return conll(folder, "text,labels\nKevin Durant plays .,B-per I-per O O\nNobody came .,O O O\n", "a.csv")


def jsonl(folder: Path) -> Path:
    records: list[object] = [
        {"text": "Kevin Durant plays.", "spans": [{"start": 0, "end": 12, "label": "per"}]},
        {"text": "Nobody came.", "spans": []},
    ]
    return conll(folder, "".join(f"{json.dumps(record)}\n" for record in records), "a.jsonl")


def brat(folder: Path) -> Path:
    conll(folder, "Kevin Durant plays.\n", "brat/a.txt")
    return conll(folder, "T1\tper 0 12\tKevin Durant\n", "brat/a.ann").parent


def converted(folder: Path) -> Path:
    [path] = convert(gmb(folder), folder / "corpus").counts
    return path


FORMATS = [(gmb, {}), (conll, {"join": 64}), (jsonl, {}), (brat, {}), (converted, {})]


# Reading


@pytest.mark.parametrize(("make", "options"), FORMATS)
def test_a_pipeline_learns_from_a_file_of_any_format(
    tmp_path: Path, make_nlp: Callable[..., Language], make: Callable[[Path], Path], options: dict[str, Any]
) -> None:
    corpus = make_corpus_reader_v1(make(tmp_path), **options)
    nlp = make_nlp()
    nlp.initialize(lambda: corpus(nlp))
    expected = ("geo", "per") if make is conll else ("per",)
    assert nlp.get_pipe("bert_ner").labels == expected
    optimizer = nlp.resume_training()
    assert nlp.update(list(corpus(nlp)), sgd=optimizer)["bert_ner"] > 0
    assert set(nlp.evaluate(list(corpus(nlp)))) >= {"ents_f", "iob_acc"}


def test_words_are_gold_tokens_and_the_pipeline_makes_its_own(tmp_path: Path) -> None:
    path = conll(tmp_path, "U.N.-led NN O\nKevin's NN B-per\n")
    [eg] = read(path)
    assert [token.text for token in eg.reference] == ["U.N.-led", "Kevin's"]
    assert [token.text for token in eg.predicted] == ["U.N.-led", "Kevin", "'s"]
    assert eg.predicted.ents == ()


def test_offsets_go_to_the_tokens_of_the_pipeline_not_of_its_language(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.tokenizer.add_special_case("Kevin's", [{"ORTH": "Kevin's"}])
    record = {"text": "Kevin's here", "spans": [{"start": 0, "end": 7, "label": "per"}]}
    [eg] = read(conll(tmp_path, json.dumps(record), "a.jsonl"), nlp)
    assert [token.text for token in eg.reference] == ["Kevin's", "here"]
    assert eg.get_aligned_ner() == ["U-per", "O"]


def test_the_options_of_reading_take_effect(tmp_path: Path) -> None:
    path = conll(tmp_path, "per\tAda\nO\t.\n")
    assert entities(read(path, column=1, tag_scheme="plain", format="conll")) == [("Ada", "per")]
    assert texts(read(path, column=1, tag_scheme="plain", format="conll", spacing="natural")) == ["Ada."]
    assert texts(read(path, column=1, tag_scheme="plain", format="conll", spacing="single")) == ["Ada ."]
    assert texts(read(conll(tmp_path, "A B-per\nda I-per\n", "c.conll"), spacing="none")) == ["Ada"]
    (tmp_path / "latin.conll").write_bytes("José B-per\ncame O\n".encode("utf-16-le"))
    assert texts(read(tmp_path / "latin.conll", format="conll", encoding="utf-16-le")) == ["José came"]
    spans = [{"start": 0, "end": 3, "label": "per"}, {"start": 0, "end": 9, "label": "org"}]
    path = conll(tmp_path, json.dumps({"text": "Ada Lovelace", "spans": spans}), "b.jsonl")
    with (
        pytest.warns(UserWarning, match=r"b.jsonl: 1 of 2 spans do not start and end"),
        pytest.warns(UserWarning, match=r"b.jsonl: 1 of 2 spans were dropped"),
    ):
        assert entities(read(path, misaligned="contract", overlap="first")) == [("Ada", "per")]


def test_the_key_of_the_text_takes_effect(tmp_path: Path) -> None:
    path = conll(tmp_path, '{"body": "Ada left", "spans": [{"start": 0, "end": 3, "label": "per"}]}', "a.jsonl")
    assert entities(read(path, text_key="body")) == [("Ada", "per")]


def test_the_options_have_the_defaults_of_every_other_command() -> None:
    ours = inspect.signature(make_corpus_reader_v1).parameters
    theirs = inspect.signature(CorpusStream).parameters
    shared = ("format", "encoding", "column", "tag_scheme", "spacing", "offsets", "misaligned", "overlap", "text_key")
    assert {key: ours[key].default for key in shared} == {key: theirs[key].default for key in shared}


def test_a_list_of_paths_is_read_in_its_order_and_documents_end_with_a_file(tmp_path: Path) -> None:
    one, two = "-DOCSTART- O\n\nAda B-per\n", "-DOCSTART- O\n\nBob B-per\n\nleft O\n"
    paths = [conll(tmp_path, one, "x/a.conll"), conll(tmp_path, two, "y/a.conll")]
    assert texts(read([str(path) for path in paths], join=64)) == ["Ada", "Bob left"]


def test_a_folder_of_docbins_is_read_as_spacy_reads_it(tmp_path: Path) -> None:
    for name in ("b/one.spacy", "a.spacy", ".hidden/two.spacy", ".c.spacy"):
        docbin(tmp_path / name, Doc(NLP.vocab, words=[name], ents=["O"]))
    theirs = registry.readers.get("spacy.Corpus.v1")(tmp_path, gold_preproc=False)
    assert texts(read(tmp_path)) == ["a.spacy ", "b/one.spacy "] == texts(list(theirs(NLP)))


@pytest.mark.parametrize("as_list", [False, True])
def test_parts_of_a_split_in_one_folder_are_refused(tmp_path: Path, as_list: bool) -> None:
    done = convert(conll(tmp_path), tmp_path / "corpus", split="50/50", duplicates="keep")
    path = str(tmp_path / "corpus")
    with pytest.raises(
        CorpusError,
        match=r"several splits of one corpus, which would be read as one split: \S+train.spacy, \S+dev.spacy\.",
    ):
        read([path] if as_list else path)
    files = [str(file) for file in done.counts]
    assert sorted(text.strip() for text in texts(read(files))) == sorted(SENTENCES)


@pytest.mark.parametrize(("limit", "expected"), [(0, SENTENCES), (1, SENTENCES[:1]), (3, SENTENCES[:3])])
def test_limit_counts_examples(tmp_path: Path, limit: int, expected: list[str]) -> None:
    assert texts(read(conll(tmp_path), limit=limit)) == expected


def test_limit_counts_joined_examples(tmp_path: Path) -> None:
    assert texts(read(conll(tmp_path), limit=1, join=64)) == [" ".join(SENTENCES[:3])]


def test_an_augmenter_makes_more_examples(tmp_path: Path) -> None:
    def twice(nlp: Language, example: Example) -> list[Example]:
        return [example, example]

    assert texts(read(conll(tmp_path), limit=1, augmenter=twice)) == ["Ada left", "Ada left"]


def test_each_epoch_reads_the_same_and_only_the_first_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(reader, "CorpusStream", lambda *a, **k: opened.append(a) or CorpusStream(*a, **k))
    corpus = make_corpus_reader_v1(conll(tmp_path))
    assert [texts(list(corpus(NLP))) for _ in range(3)] == [SENTENCES] * 3
    assert len(opened) == 1
    assert texts(list(corpus(spacy.blank("en")))) == SENTENCES
    assert len(opened) == 2  # another tokenizer can split the text differently


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for n in (100, 1000):
        corpus = make_corpus_reader_v1(conll(tmp_path, CONLL * n, f"{n}.conll"), join=64)
        next(iter(corpus(NLP)))
        tracemalloc.start()
        assert sum(1 for _ in corpus(NLP)) == 2 * n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000  # 1,800 more Docs take several megabytes


# Docs in `.spacy` files


def test_docs_keep_all_their_annotation_when_joined(tmp_path: Path) -> None:
    for extension, owner in (("mark", Token), ("note", Span)):
        owner.set_extension(extension, default=None, force=True)
    Doc.set_extension("source", default=None, force=True)
    docs = []
    for name in ("Ada", "Bob"):
        doc = Doc(
            NLP.vocab,
            words=[name, "left", "."],
            spaces=[True, False, False],
            tags=["NNP", "VBD", "."],
            lemmas=[name, "leave", "."],
            ents=["B-per", "O", ""],
        )
        doc.spans["names"] = [Span(doc, 0, 1, label=name)]
        doc[1]._.mark, doc[0:2]._.note, doc._.source = f"{name} left", name, "paper"
        doc.user_data["document"] = "letter"
        doc.cats = {"news": 1.0}
        docs.append(doc)
    [eg] = read(docbin(tmp_path / "a.spacy", *docs), join=6)
    doc = eg.reference
    assert doc.text == "Ada left. Bob left."
    assert [token.tag_ for token in doc] == ["NNP", "VBD", "."] * 2
    assert [token.lemma_ for token in doc] == ["Ada", "leave", ".", "Bob", "leave", "."]
    # Tokens without annotation stay without annotation.
    assert [token.ent_iob_ for token in doc] == ["B", "O", "", "B", "O", ""]
    assert [(span.text, span.label_) for span in doc.spans["names"]] == [("Ada", "Ada"), ("Bob", "Bob")]
    assert (doc[4]._.mark, doc[3:5]._.note, doc._.source) == ("Bob left", "Bob", None)
    assert [sentence.text for sentence in doc.sents] == ["Ada left.", "Bob left."]
    assert doc.cats == {"news": 1.0}
    assert doc.user_data["document"] == "letter"
    assert [token.text for token in eg.predicted] == ["Ada", "left", ".", "Bob", "left", "."]


def test_docs_of_other_categories_are_not_joined(tmp_path: Path) -> None:
    docs = [Doc(NLP.vocab, words=[word], ents=["O"], user_data={"document": "a"}) for word in "abc"]
    docs[0].cats, docs[1].cats, docs[2].cats = {"x": 1.0}, {"x": 1.0}, {"x": 0.0}
    assert texts(read(docbin(tmp_path / "a.spacy", *docs), join=9)) == ["a b ", "c "]


def test_a_parse_keeps_its_heads_and_sentences(tmp_path: Path) -> None:
    docs = [
        Doc(
            NLP.vocab,
            words=["Ada", "left", "Bob", "sang"],
            spaces=[True, True, True, False],
            heads=[1, 1, 3, 3],
            deps=["nsubj", "ROOT", "nsubj", "ROOT"],
            ents=["B-per", "O", "B-per", "O"],
            user_data={"document": "a"},
        )
        for _ in range(2)
    ]
    [eg] = read(docbin(tmp_path / "a.spacy", *docs), join=8)
    assert [token.head.i for token in eg.reference] == [1, 1, 3, 3, 5, 5, 7, 7]
    assert [sentence.text for sentence in eg.reference.sents] == ["Ada left", "Bob sang"] * 2


@pytest.mark.parametrize("join", [0, 9])
def test_words_without_spaces_are_those_of_the_predicted_doc(tmp_path: Path, join: int) -> None:
    doc = Doc(NLP.vocab, words=["Kevin's", "here"], ents=["B-per", "O"], user_data={"document": "a"})
    examples = read(docbin(tmp_path / "a.spacy", doc, doc), join=join)
    words = [[token.text for token in eg.predicted] for eg in examples]
    assert words == ([["Kevin's", "here"] * 2] if join else [["Kevin's", "here"]] * 2)


# Joining


@pytest.mark.parametrize(
    ("join", "lengths"),
    [(1, [1, 1, 1, 1]), (7, [1, 1, 1, 1]), (8, [2, 1, 1]), (9, [2, 1, 1]), (10, [3, 1]), (10**9, [3, 1])],
)
def test_sentences_of_a_document_are_joined_up_to_a_length(tmp_path: Path, join: int, lengths: list[int]) -> None:
    examples = read(conll(tmp_path), join=join)
    left = iter(SENTENCES)
    assert texts(examples) == [" ".join(next(left) for _ in range(n)) for n in lengths]
    assert entities(examples) == ENTITIES == entities(read(conll(tmp_path)))


def test_only_the_reference_has_the_sentences(tmp_path: Path) -> None:
    eg = read(conll(tmp_path), join=64)[0]
    assert [sentence.text for sentence in eg.reference.sents] == SENTENCES[:3]
    starts = [True, None, True, None, None, None, None, None, True, None]
    assert [token.is_sent_start for token in eg.reference] == starts
    assert [token.is_sent_start for token in eg.predicted] == [True, *[None] * 9]


def test_sentences_are_set_apart_by_one_space(tmp_path: Path) -> None:
    rows = ["1\tAda\t_\t_\t_\t_\t_\t_\t_\tNER=B-per|SpaceAfter=No", "2\t.\t_\t_\t_\t_\t_\t_\t_\tNER=O"]
    last = f"{rows[1]}|SpaceAfter=No"
    text = "# newdoc id = a\n" + "\n".join([*rows, "", rows[0], last, "", rows[0], last, ""]) + "\n"
    assert texts(read(conll(tmp_path, text, "a.conllu"), join=64)) == ["Ada. Ada. Ada."]


def test_texts_with_offsets_are_joined_as_they_stand(tmp_path: Path) -> None:
    records = [
        {"text": text, "spans": [{"start": start, "end": end, "label": "per"}], "meta": {"document": document}}
        for text, start, end, document in [
            ("Ada  left.\n", 0, 3, "x"),
            ("Then Bob", 5, 8, "x"),
            ("came. ", 0, 4, "x"),
            ("Eve", 0, 3, "y"),
        ]
    ]
    path = conll(tmp_path, "".join(f"{json.dumps(record)}\n" for record in records), "a.jsonl")
    examples = read(path, join=64)
    assert texts(examples) == ["Ada  left.\nThen Bob came. ", "Eve"]
    assert entities(examples) == [("Ada", "per"), ("Bob", "per"), ("came", "per"), ("Eve", "per")]
    assert [[token.text for token in eg.predicted] for eg in examples] == [
        [token.text for token in eg.reference] for eg in examples
    ]


def test_a_convert_by_document_leaves_the_sentences_to_be_joined(tmp_path: Path) -> None:
    parts = convert(conll(tmp_path), tmp_path / "corpus", split="50/50", by_document=True)
    assert sorted(texts(read(list(parts.counts), join=64))) == [" ".join(SENTENCES[:3]), SENTENCES[3]]


def test_a_joined_text_is_not_longer_than_the_pipeline_reads(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.max_length = len("Ada left") + len("Bob Lee saw New York.") + 2
    assert texts(read(conll(tmp_path), nlp, join=64)) == [" ".join(SENTENCES[:2]), *SENTENCES[2:]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "a", "b"]),
            st.lists(st.tuples(st.sampled_from(["x", "York", "."]), st.booleans(), st.booleans()), min_size=1),
        )
    ),
    st.integers(0, 12),
)
def test_joining_loses_nothing_and_mixes_nothing(
    sentences: list[tuple[str, list[tuple[str, bool, bool]]]], most: int
) -> None:
    docs = []
    for document, tokens in sentences:
        words, spaces, is_entity = map(list, zip(*tokens, strict=True))
        tags = ["B-per" if one else "O" for one in is_entity]
        data = {"document": document} if document else {}
        docs.append(Doc(NLP.vocab, words=words, spaces=spaces, ents=tags, user_data=data))
    before = [[(token.text, token.ent_iob_, token.ent_type_) for token in doc] for doc in docs]
    joined = list(join_docs(iter(docs), most, 10**6))
    after = [(token.text, token.ent_iob_, token.ent_type_) for doc in joined for token in doc]
    assert after == [token for sentence in before for token in sentence]
    at = 0
    for doc in joined:
        document, pieces = doc.user_data.get("document", ""), []
        while sum(pieces) < len(doc):
            assert sentences[at][0] == document
            pieces.append(len(before[at]))
            at += 1
        assert sum(pieces) == len(doc)
        if len(pieces) > 1:
            assert document
            assert len(doc) <= most
            assert [len(sentence) for sentence in doc.sents] == pieces
        if at < len(sentences) and sentences[at][0] == document != "":
            assert len(doc) + len(before[at]) > most  # sentences are joined as long as they fit


# Errors


@pytest.mark.parametrize("path", [None, "", [], [""]])
def test_a_path_has_to_be_filled_in(path: object) -> None:
    with pytest.raises(
        CorpusError, match=r"does not specify a file. Allowed: .* Set the paths: --paths.train corpus/train.spacy"
    ):
        make_corpus_reader_v1(path)


@pytest.mark.parametrize("key", ["join", "limit"])
@pytest.mark.parametrize("value", [-1, True])
def test_numbers_of_other_kinds_are_refused(key: str, value: int) -> None:
    with pytest.raises(CorpusError, match=rf"{key} = {value} is invalid. Allowed: a whole number of at least 0"):
        make_corpus_reader_v1("a.conll", **{key: value})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none.conll does not exist"):
        read(tmp_path / "none.conll")


def test_docs_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, words=[word]) for word in ("Ada", "x" * 1_000_001, "Cem", "Eve")]
    docs[2].set_ents([Span(docs[2], 0, 1, label="per ")])
    DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=docs).to_disk(tmp_path / "a.spacy")
    read = make_corpus_reader_v1(tmp_path / "a.spacy", skip_invalid=2)
    with pytest.warns(UserWarning, match="Doc 2: the text has 1000001 characters"):
        assert [example.reference[0].text for example in read(nlp)] == ["Ada", "Eve"]


def test_a_bad_row_is_named_before_the_first_example(tmp_path: Path) -> None:
    path = conll(tmp_path, CONLL + "\nword\n")
    with pytest.raises(CorpusError, match=r"a.conll, line 21: the row 'word' has only one column"):
        next(make_corpus_reader_v1(path)(NLP))


@pytest.mark.parametrize("make", [gmb, jsonl, brat, converted])
def test_joining_what_has_no_neighbours_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(
        CorpusError, match=r"join = 64 has no effect, because no two consecutive sentences .* Set join = 0, or"
    ):
        read(make(tmp_path), join=64)


def test_one_file_of_several_may_have_no_documents(tmp_path: Path) -> None:
    assert len(read([gmb(tmp_path), conll(tmp_path)], join=64)) == 2 + 2


def test_an_error_tells_how_options_are_called_here(tmp_path: Path) -> None:
    record = {"text": "Berliners", "spans": [{"start": 0, "end": 3, "label": "geo"}]}
    path = conll(tmp_path, json.dumps(record), "a.jsonl")
    with pytest.raises(CorpusError, match=r"(?s)--misaligned expand.*tag_scheme = .plain. in the reader's section"):
        read(path)
    with pytest.raises(CorpusError, match=r"--misaligned = 'x' is invalid. Allowed: error, expand"):
        read(path, misaligned="x")


def test_docbins_have_no_tag_scheme(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"tag_scheme = IOBES does not apply to .*a.spacy, because a .spacy file stores"
    ):
        read(docbin(tmp_path / "a.spacy", Doc(NLP.vocab, words=["Ada"], ents=["O"])), tag_scheme="IOBES")


def test_the_reader_takes_aliases_of_tag_schemes(tmp_path: Path) -> None:
    path = conll(tmp_path, "Ada I-per\nleft O\n\nBob B-per\nLee I-per\n\nEve I-geo\n")
    with pytest.warns(UserWarning, match=r"a.conll: 2 tags that violate the scheme IOB2 were repaired"):
        assert len(read(path, tag_scheme="Bio")) == 3
    path = docbin(tmp_path / "a.spacy", Doc(NLP.vocab, words=["Ada"], ents=["O"]))
    assert len(read(path, tag_scheme="BIO")) == 1
    with pytest.raises(CorpusError, match=r"tag_scheme = BILUO does not apply to"):
        read(path, tag_scheme="bilou")


def test_repaired_tags_are_counted_once_an_epoch(tmp_path: Path) -> None:
    path = conll(tmp_path, "Ada I-per\nleft O\n\nBob B-per\nLee I-per\n\nEve I-geo\n")
    with pytest.warns(UserWarning, match=r"a.conll: 2 tags that violate the scheme IOB2 were repaired"):
        assert len(read(path, tag_scheme="IOB2")) == 3


# Configs

BLOCK = """
[paths]
train = "a.conll"

[corpora]

[corpora.train]
@readers = "spacy_bert_ner.Corpus.v1"
path = ${paths.train}
"""


def test_a_config_with_the_reader_is_filled_and_resolved(tmp_path: Path) -> None:
    config = Config().from_str(BLOCK, overrides={"paths.train": str(conll(tmp_path)), "corpora.train.join": 64})
    filled = registry.fill(config)["corpora"]["train"]
    assert filled["format"] == "auto"
    assert filled["augmenter"] is None
    assert len(list(registry.resolve(config)["corpora"]["train"](NLP))) == 2


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("joined", 3, "joined"), ("join", "long", "join"), ("path", 5, "path"), ("format", None, "format")],
)
def test_keys_and_values_of_other_kinds_are_refused(key: str, value: object, message: str) -> None:
    config = Config().from_str(BLOCK)
    config["corpora"]["train"][key] = value
    with pytest.raises(ValueError, match=message) as caught:
        registry.resolve(config)
    assert not isinstance(caught.value, BertNerError)


def test_spacy_train_reads_text_directly(tmp_path: Path, encoder_512: Path) -> None:
    config = load_config(ROOT / "configs" / "bert_ner.cfg")
    block = {"@readers": "spacy_bert_ner.Corpus.v1", "join": 64}
    config["corpora"] = {
        "train": {**block, "path": [str(conll(tmp_path)), str(jsonl(tmp_path))]},
        "dev": {**block, "path": "${paths.dev}"},
    }
    config["corpora"]["dev"]["limit"] = 1
    config.to_disk(tmp_path / "config.cfg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spaCy and torch warn about the small amount of training data
        train(
            tmp_path / "config.cfg",
            tmp_path / "training",
            overrides={
                "paths.dev": str(tmp_path / "a.conll"),
                "components.bert_ner.model.name": str(encoder_512),
                "training.max_steps": 4,
                "training.eval_frequency": 2,
            },
        )
    nlp = spacy.load(tmp_path / "training" / "model-last")
    assert nlp.get_pipe("bert_ner").labels == ("geo", "per")
    assert nlp.config["corpora"]["train"]["join"] == 64
