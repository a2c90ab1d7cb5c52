"""Test that the small, realistic annotation files in `../shared/cases` are read correctly or rejected."""

from pathlib import Path

import pytest
from support import ROOT

from spacy_bert_ner.corpus import CorpusStream
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.sentence import entities
from spacy_bert_ner.errors import CorpusError

CASES = ROOT.parent / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not there")

MIA, ROME, BO, OSLO = "Mia PER", "Rome LOC", "Bo PER", "Oslo LOC"
FOUR = [MIA, ROME, BO, OSLO]

READ: dict[str, tuple[int, list[str], str]] = {
    # number of sentences or texts, entities, required part of a message
    "01_germeval.tsv": (2, [MIA, "Berlin LOC", "Uni Köln ORG"], "Column 4 also contains tags, such as B-LOC"),
    "02_uner.iob2": (2, [MIA, ROME], ""),
    "03_indexed.conllu": (2, [MIA, ROME], ""),
    "05_columns.conllup": (1, [MIA], ""),
    "07_bmes.txt": (2, ["王小明 NAME", "北京 LOC"], ""),
    "08_two_levels.tsv": (2, ["The University of Rome ORG", MIA], "Column 3 also contains tags"),
    "10_webanno.tsv": (1, [MIA, "New York LOC"], ""),
    "12_quotes_de.conll": (1, [MIA], ""),
    "20_spacy_v2.json": (2, [MIA, ROME, BO], ""),
    "24_completions.json": (1, [MIA], ""),
    "25_label_studio_other_key.json": (1, [MIA], ""),
    "27_prodigy_rejected_span.jsonl": (1, [MIA], "reject"),
    "29_gliner.json": (1, ["Mia person", "New York city"], ""),
    "31_tokens_tags.json": (1, [MIA], ""),
    "33_pretty_objects.json": (2, [MIA, ROME, BO], ""),
    "34_trailing_commas.jsonl": (2, [MIA, ROME, BO], ""),
    "40_utf16_doccano.jsonl": (1, [MIA, ROME, BO], "UTF-16"),
    "41_utf16_label_studio.json": (1, [MIA, ROME, BO], "UTF-16"),
    "43b_utf16_shift_of_two.jsonl": (1, ["b L"], "U+FFFF"),
    "50_brat_crlf": (1, FOUR, "\\r\\n"),
    "51_brat_lf_of_crlf": (1, FOUR, "\\n"),
    "55_brat_tree": (2, FOUR, "1 texts were skipped"),
    "60_semicolon.csv": (2, ["Mia per", "Rome geo"], ""),
    "61_bom.csv": (1, ["Mia per"], ""),
    "62_pandas_index.csv": (1, ["Mia per"], ""),
    "63_lower_header.csv": (2, ["Mia per", "Bo per"], ""),
    "65_nan.csv": (2, ["Mia per", "Bo per"], ""),
    "66_ffill.csv": (2, ["Mia per", "Bo per"], ""),
    "67_no_header.csv": (2, [MIA, BO], ""),
    "69_list_columns.csv": (1, ["Mia per", "Rome geo"], ""),
    "70_mixed_ends.conll": (2, [MIA, ROME], ""),
    "71_lone_cr.conll": (2, [MIA], ""),
    "72_bom.conll": (2, [MIA], ""),
    "73_tab_in_word.conll": (
        1,
        [MIA],
        "Most rows have 2 columns, but 1 rows have a different number. The first of these is on line 2.",
    ),
    "76_white_line.conll": (3, [MIA, BO], ""),
    "77_nbsp_word.conll": (1, [MIA], ""),
    "78_bom_middle.conll": (2, [MIA, BO], "byte-order mark"),
    "79_utf16.conll": (2, [MIA, BO], ""),
    "80_trailing_spaces.conll": (2, [MIA, BO], ""),
    "81_comment_hash_words.conll": (2, [MIA], ""),
    "82_wikiann.txt": (2, ["en:Mia PER", "en:Bo PER"], "All words start with 'en:'"),
    "83_pubtator.txt": (2, ["Gout Disease", "Flu Disease"], ""),
    "91_ls_conll2003.conll": (2, [MIA, ROME, BO], ""),
    "92_ls_export.csv": (1, [MIA], ""),
    "94_ls_full.json": (1, [MIA, ROME], ""),
    "96_hf_labels.json": (1, [MIA], ""),
}

REFUSED: dict[str, str] = {
    "09_gold_conll.txt": "OntoNotes",
    "26_spans_of_white_space.jsonl": "share tokens",
    "28_textcat.jsonl": "text classification",
    "36_zero_length.jsonl": "line 1, id 1: the span 'PER' from 3 to 3",
    "37_nul.jsonl": "line 1",
    "37b_nul_raw.conll": "line 2: the file contains a NUL byte",
    "54_brat_discontinuous": "a.ann, line 1",
    "56_brat_label_space": "a.ann, line 1",
    "68_comprehend.csv": "Amazon Comprehend",
    "75_one_bad_byte.conll": "damaged",
    "84_rasa.yml": "Rasa",
    "85_rasa.md": "Rasa",
    "86_i2b2.xml": "i2b2",
    "90_many_tags.conll": "line 1",
}


def found(stream: CorpusStream) -> list[str]:
    """Return the entities in all sentences with their labels."""
    return [
        f"{''.join(sentence.pieces()[entity.start : entity.end]).strip()} {entity.label}"
        for sentence in stream
        for entity in entities(sentence.tags)
    ]


@pytest.mark.parametrize("name", READ)
def test_a_case_is_read(name: str) -> None:
    n, expected, message = READ[name]
    stream = CorpusStream(CASES / name)
    assert (stream.n_sentences, found(stream)) == (n, expected)
    assert any(message in one for one in stream.messages() or [""]) or not message


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        convert(CASES / name, tmp_path / "out")
    assert REFUSED[name] in str(caught.value)
    assert not (tmp_path / "out").exists()
