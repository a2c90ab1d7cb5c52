"""Test the WebAnno TSV 3 format, which INCEpTION writes."""

from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from support import ROOT

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.errors import CorpusError

ENTITIES = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value"
POS = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue|coarseValue"
NLP = spacy.blank("en")


def webanno(folder: Path, *rows: str, layers: tuple[str, ...] = ("#T_SP=webanno.custom.NamedEntity|value",)) -> Path:
    """Write a file with the given layers. In `rows`, two spaces stand for a tab."""
    header = ["#FORMAT=WebAnno TSV 3.3", *layers, "", ""]
    path = folder / "news.tsv"
    path.write_text("\n".join([*header, *(row.replace("  ", "\t") for row in rows)]) + "\n", encoding="utf-8")
    return path


def tagged(path: Path, **options: object) -> list[tuple[str, str]]:
    """Return the text and the tags of each sentence."""
    return [
        ("".join(sentence.pieces()), " ".join(str(tag) for tag in sentence.tags))
        for sentence in CorpusStream(path, **options)
    ]


def fails(path: Path, **options: object) -> str:
    with pytest.raises(CorpusError) as caught:
        read_corpus(path, **options)
    return str(caught.value)


MIA = (
    "#Text=Mia flew to New York.",
    "1-1  0-3  Mia  PER  ",
    "1-2  4-8  flew  _  ",
    "1-3  9-11  to  _  ",
    "1-4  12-15  New  LOC[1]  ",
    "1-5  16-20  York  LOC[1]  ",
    "1-6  20-21  .  _  ",
)
MIA_TAGS = ("Mia flew to New York.", "B-PER O O B-LOC I-LOC O")


def test_a_file_is_told_by_its_first_row_and_read_with_its_own_tokens(tmp_path):
    rows = (*MIA, "", "#Sentence.id=s2", "#Text=don't", "2-1  22-27  don't  _  ")
    corpus = read_corpus(webanno(tmp_path, *rows))
    assert (corpus.format, corpus.tag_scheme) == ("webanno", "IOB2")
    assert [(s.words, s.tags, s.document) for s in corpus.sentences] == [
        (["Mia", "flew", "to", "New", "York", "."], ["B-PER", "O", "O", "B-LOC", "I-LOC", "O"], "news"),
        (["don't"], ["O"], "news"),
    ]
    assert [s.lines[0] for s in corpus.sentences] == [5, 14]
    assert tagged(webanno(tmp_path, *MIA), format="webanno") == [MIA_TAGS]
    path = webanno(tmp_path, *MIA)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"TSV 3.3", b"TSV 3").replace(b"\n", b"\r\n"))
    assert tagged(path) == [MIA_TAGS]


def test_the_column_of_the_labels_is_told_from_the_header(tmp_path):
    relation = "#T_RL=de.tudarmstadt.ukp.dkpro.core.api.syntax.type.dependency.Dependency|flavor|BT_x.POS"
    row = "1-1  0-3  Mia  NNP  PROPN  http://x/Q1  PER  nsubj  1-1  "
    assert tagged(webanno(tmp_path, "#Text=Mia", row, layers=(POS, ENTITIES, relation))) == [("Mia", "B-PER")]
    roles = "#T_SP=webanno.custom.Frame|ROLE_webanno.custom.Frame:Roles_webanno.custom.FrameRolesLink|webanno.custom.Lu"
    row = "1-1  0-3  Mia  seller  1-1  NNP  _  PER  "
    assert tagged(webanno(tmp_path, "#Text=Mia", row, layers=(roles, POS, "#T_SP=webanno.custom.Span|kind"))) == [
        ("Mia", "B-PER")
    ]
    row = "1-1  0-3  Mia  1  PER  x  "
    layer = "#T_SP=webanno.custom.Span|identifier|value|note"
    assert tagged(webanno(tmp_path, "#Text=Mia", row, layers=(layer,))) == [("Mia", "B-PER")]
    row = "1-1  0-3  Mia  *  PER  "
    layers = ("#T_SP=webanno.custom.Mark|", "#T_SP=webanno.custom.MyNamedEntity|kind")
    assert tagged(webanno(tmp_path, "#Text=Mia", row, layers=layers)) == [("Mia", "B-PER")]


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ((), "none"),
        (("#T_SP=webanno.custom.Mark|",), "none"),
        ((POS,), f"{POS[6:-12]}, {POS[6:-21]}|coarseValue"),
        (("#T_SP=x.A|value", "#T_SP=x.B|value"), "x.A|value, x.B|value"),
        (("#T_SP=x.A|one|two",), "x.A|one, x.A|two"),
        (("#T_SP=x.NamedEntity|one|two", "#T_SP=x.B|value"), "x.NamedEntity|one, x.NamedEntity|two, x.B|value"),
    ],
)
def test_a_header_that_does_not_say_where_the_labels_are_is_refused(tmp_path, layers, found):
    row = "1-1  0-3  Mia  a  b  c  "
    assert fails(webanno(tmp_path, "#Text=Mia", row, layers=layers), skip_invalid=9).startswith(
        f"{tmp_path / 'news.tsv'}: the layer with the entity labels cannot be identified. The span features are: "
        f"{found}. Allowed: a single layer whose name ends in NamedEntity"
    )


def test_annotations_may_be_stacked_and_cover_parts_of_tokens(tmp_path):
    rows = (
        "#Text=Berliner Mia",
        "1-1  0-8  Berliner  A[1]|B[2]  ",
        "1-1.1  0-6  Berlin  LOC  ",
        "1-2  9-12  Mia  A[1]  ",
    )
    path = webanno(tmp_path, *rows)
    assert fails(path).startswith(f"1 of 3 spans do not start and end at token boundaries:\n- {path}, line 7: 'Berlin'")
    options = {"misaligned": "contract", "overlap": "longest"}
    assert tagged(path, **options) == [("Berliner Mia", "B-A I-A")]
    path = webanno(tmp_path, "#Text=abcd ef", "1-1  0-4  abcd  _", "1-1.1  2-4  cd  A[3]", "1-2  5-7  ef  A[3]")
    assert tagged(path, misaligned="expand") == [("abcd ef", "B-A I-A")]
    assert fails(path).startswith(f"1 of 1 spans do not start and end at token boundaries:\n- {path}, line 7: 'cd ef'")


def test_neighbours_without_a_number_are_two(tmp_path):
    path = webanno(tmp_path, "#Text=Mia Bo", "1-1  0-3  Mia  PER", "1-2  4-6  Bo  PER")
    assert tagged(path) == [("Mia Bo", "B-PER B-PER")]


def test_the_text_is_that_of_all_its_lines_without_escapes(tmp_path):
    rows = (
        r"#Text=C:\\new a\tb",
        "#Text=Mia  x\u200b.",
        r"1-1  0-6  C:\new  _  ",
        "1-2  7-8  a  _  ",
        "1-3  9-10  b  _  ",
        r"1-4  11-14  Mia  B\_P\[1\]->|\_[2]  ",
        r"1-5  16-17  x  _  ",
        r"1-6  18-19  .  _  ",
    )
    path = webanno(tmp_path, *rows)
    path.write_text(path.read_text().replace("Mia\tx\u200b.", "Mia  x\u200b."))
    (sentence,) = CorpusStream(path, overlap="first")
    assert "".join(sentence.pieces()) == "C:\\new a\tb\nMia  x\u200b."
    assert sentence.words == ["C:\\new", "a", "\t", "b", "\n", "Mia", " ", "x", "\u200b", "."]
    assert [tag for tag in sentence.tags if tag != "O"] == ["B-B_P[1]->"]


def test_text_that_other_programs_write_without_escapes_is_read(tmp_path):
    path = webanno(tmp_path, r"#Text=C:\new Mia", r"1-1  0-6  C:\new  _", "1-2  7-10  Mia  B_PER[4]")
    assert tagged(path) == [("C:\\new Mia", "O B-B_PER")]
    path = webanno(tmp_path, r"#Text=M\u00fcller \uD83D\uDE00", "1-1  0-6  Müller  PER", "1-2  7-9  😀  _")
    assert tagged(path) == [("Müller 😀", "B-PER O")]


@pytest.mark.parametrize(("token", "part"), [("2-5", "4-5"), ("2-4", "3-4")], ids=["utf-16", "characters"])
def test_parts_of_tokens_are_found_in_either_unit(tmp_path, token, part):
    path = webanno(tmp_path, "#Text=😀 😀b", "1-1  0-2  😀  _", f"1-2  {token}  😀b  _", f"1-2.1  {part}  b  X")
    (sentence,) = CorpusStream(path, misaligned="expand")
    assert (sentence.words, sentence.tags) == (["😀", "😀b"], ["O", "B-X"])
    assert "'b' (X, 3-4)" in fails(path)


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        (
            "1-2  4-8  flew",
            (
                "'1-2\\t4-8\\tflew' is not a valid WebAnno TSV row, or its 3 columns do not "
                "include webanno.custom.NamedEntity|value."
            ),
        ),
        ("flew  _", "'flew\\t_' is not a valid WebAnno TSV row, or its 2 columns do"),
        ("1-2  4-8  flew  LOC[x]", "'LOC[x]' is not a valid value for webanno.custom.NamedEntity|value."),
        ("1-2  4-8  flew  *[2]", "the annotation at 'flew' has no value for webanno.custom.NamedEntity|value."),
        ("1-2  4-8  flew  \\n", "the span 4-8 has the invalid label '\\n'."),
        ("1-2  4-8  flies  _", "the next token is 'flies', but the text continues with ' flew to'."),
        ("1-2  4-8  to  _", "the next token is 'to', but the text continues with ' flew to'."),
        ("1-2  4-8    _", "the next token is '', but the text continues with ' flew to'."),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path, row, rest):
    rows = ["#Text=Mia flew to", "1-1  0-3  Mia  _", row, "1-3  9-11  to  _"]
    path = webanno(tmp_path, *rows, "", "#Text=Bo", "2-1  12-14  Bo  PER")
    assert fails(path).startswith(f"{path}, line 7: {rest}")
    assert tagged(path, skip_invalid=1) == [("Bo", "B-PER")]
    with pytest.raises(CorpusError):
        convert(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        ("1-1.1  0-2  ia  X", "'ia' is not part of the previous token at these offsets."),
        ("1-1.1  1-9  ia  X", "'ia' is not part of the previous token at these offsets."),
        ("1-9.1  1-3  ia  X", "'ia' is not part of the previous token at these offsets."),
        ("1-1.1  1-1    X", "the span 'X' from 1 to 1 is invalid in a text with 3 characters."),
    ],
)
def test_a_bad_part_of_a_token_is_refused_with_its_line(tmp_path, row, rest):
    path = webanno(tmp_path, "#Text=Mia", "1-1  0-3  Mia  _", row)
    assert fails(path).startswith(f"{path}, line 7: {rest}")


def test_text_in_no_token_is_refused(tmp_path):
    path = webanno(tmp_path, "#Text=Mia flew", "1-1  0-3  Mia  _")
    assert fails(path).startswith(f"{path}, line 5: the next token is '', but the text continues with ' flew'.")


def test_an_annotation_on_tokens_apart_or_in_two_sentences_is_refused(tmp_path):
    path = webanno(tmp_path, "#Text=a b c", "1-1  0-1  a  X[1]", "1-2  2-3  b  _", "1-3  4-5  c  X[1]")
    assert fails(path).startswith(
        f"{path}, line 8: the annotation 'X'[1] continues here, but the previous token does not have it."
    )
    rows = (
        "#Text=a b",
        "1-1  0-1  a  _",
        "1-2  2-3  b  X[1]",
        "#Text=c",
        "2-1  4-5  c  X[1]",
    )
    path = webanno(tmp_path, *rows, "#Text=d", "3-1  6-7  d  _")
    assert fails(path).startswith(f"{path}, line 8: the annotation 'X'[1] continues from the previous sentence.")
    assert tagged(path, skip_invalid=2) == [("d", "O")]
    assert fails(path, skip_invalid=1).startswith("2 sentences cannot be read")


def test_a_number_may_come_again_in_another_sentence(tmp_path):
    rows = (
        "#Text=a b",
        "1-1  0-1  a  X[1]",
        "1-2  2-3  b  X[1]",
        "#Text=c d",
        "2-1  4-5  c  Y[1]",
        "2-2  6-7  d  Y[1]",
    )
    assert tagged(webanno(tmp_path, *rows)) == [("a b", "B-X I-X"), ("c d", "B-Y I-Y")]


def test_what_its_offsets_count_is_known(tmp_path):
    path = webanno(tmp_path, "#Text=😀 Mia", "1-1  0-2  😀  _", "1-2  3-6  Mia  PER")
    assert CorpusStream(path).messages() == []
    assert fails(path, offsets="utf-16").startswith("--offsets utf-16 applies only to these formats: ")


def test_a_file_without_sentences_is_empty(tmp_path):
    assert fails(webanno(tmp_path)).startswith(f"{tmp_path / 'news.tsv'} contains no annotated sentences.")


def test_texts_and_entities_are_written_to_the_character(tmp_path):
    convert(webanno(tmp_path, *MIA), tmp_path)
    (doc,) = DocBin().from_disk(tmp_path / "news.spacy").get_docs(NLP.vocab)
    assert (doc.text, doc.user_data["document"]) == ("Mia flew to New York.", "news")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Mia", "PER"), ("New York", "LOC")]


def test_the_guide_shows_what_is_read(tmp_path):
    guide = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    block = guide.partition("**`webanno`**")[2].split("```")[1]
    (tmp_path / "a.tsv").write_text(block.lstrip("\n"), encoding="utf-8")
    assert tagged(tmp_path / "a.tsv") == [("Ada left York.", "B-per O B-loc O")]
