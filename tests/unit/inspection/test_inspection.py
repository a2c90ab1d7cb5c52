"""Test `inspect`: each finding on a corpus with the problem and on a corpus without it."""

import builtins
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.sentence import entities
from spacy_bert_ner.errors import CheckpointError, CorpusError
from spacy_bert_ner.inspection import inspect_files
from spacy_bert_ner.inspection.entity_boundaries import has_odd_edge
from spacy_bert_ner.inspection.examples import visible
from spacy_bert_ner.inspection.findings import Finding
from spacy_bert_ner.inspection.json_report import to_json
from spacy_bert_ner.inspection.report import split_names
from spacy_bert_ner.inspection.statistics import summary
from spacy_bert_ner.inspection.terminal import tables
from spacy_bert_ner.inspection.text_quality import is_mojibake

pytestmark = pytest.mark.usefixtures("silent_on_small_dev")

FINE = "Ada/B-per Lovelace/I-per lives/O in/O London/B-geo ./O"
"""A sentence without problems. Training data with 20 such sentences is large enough."""


def conll(folder: Path, name: str, *sentences: str) -> Path:
    """Write sentences, given as word/TAG pairs, to a column file."""
    path = folder / f"{name}.conll"
    rows = ["\n".join("\t".join(pair.rsplit("/", 1)) for pair in sentence.split(" ")) for sentence in sentences]
    path.write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    return path


def jsonl(folder: Path, name: str, *records: tuple[str, list[list[object]]]) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"text": text, "entities": spans}) + "\n" for text, spans in records))
    return path


def found(*paths: Path, **options: object) -> dict[str, Finding]:
    return {finding.code: finding for finding in inspect_files(paths, **options).findings}


def enough(*more: str, n: int = 20) -> list[str]:
    """Return `n` sentences without problems, which differ in one word, and additional sentences."""
    return [FINE.replace("lives", f"lives{i}") for i in range(n)] + list(more)


def test_a_corpus_without_faults_has_no_findings(tmp_path):
    train, dev = conll(tmp_path, "train", *enough()), conll(tmp_path, "dev", FINE)
    report = inspect_files([train, dev])
    assert report.findings == []
    assert [split.name for split in report.corpora.splits] == ["train", "dev"]
    assert report.corpora.train.entities == {"per": 20, "geo": 20}
    assert report.corpora.train.entity_lengths == {2: 20, 1: 20}
    assert report.corpora.others[0].lengths == {6: 1}


def test_copies_in_two_splits_are_errors(tmp_path):
    train = conll(tmp_path, "train", *enough("We/O saw/O it/O ./O"))
    dev = conll(tmp_path, "dev", FINE, FINE.replace("lives", "lives3"), "We/O saw/O it/O ./O")
    finding = found(dev, train)["leakage"]
    assert (finding.level, finding.count, finding.share) == ("error", 1, 1 / 3)
    assert finding.title == "sentences in dev that also occur in train (5 words or more)"
    (example,) = finding.examples
    assert (example.split, example.line) == ("dev", 8)
    assert example.note == "also in train, line 22"


def test_copies_in_one_split_are_no_leak(tmp_path):
    assert found(conll(tmp_path, "train", *enough(FINE, FINE)), conll(tmp_path, "dev", FINE.replace("in", "by"))) == {}


LONG = (
    "The/O storm/O Ada/B-per moved/O over/O the/O sea/O and/O hit/O the/O coast/O today/O "
    "with/O winds/O of/O ninety/O miles/O an/O hour/O that/O tore/O roofs/O off/O many/O houses/O"
)


@pytest.mark.parametrize(
    ("change", "shown", "there"),
    [
        (("moved", "went"), (11, "went"), "The storm Ada [moved] over the sea"),
        ((" and/O hit/O", " hit/O"), (14, "sea"), "over the [sea and] hit the"),
        (("houses/O", "houses/O !/O"), (32, "houses !"), "off many [houses]"),
        (("The/O storm", "storm"), (8, "storm"), "[The storm] Ada moved"),
    ],
    ids=["replaced", "missing", "added at the end", "missing at the start"],
)
def test_sentences_almost_as_in_another_split(tmp_path, change, shown, there):
    train = conll(tmp_path, "train", *enough(LONG, LONG.replace("coast", "shore")))
    dev = conll(tmp_path, "dev", FINE, LONG.replace(*change))
    findings = found(train, dev)
    assert list(findings) == ["near_leakage"]
    finding = findings["near_leakage"]
    assert (finding.level, finding.count, finding.share) == ("warning", 1, 0.5)
    assert finding.title == "sentences in dev that are nearly identical to a sentence in train (5 words or more)"
    (example,) = finding.examples
    assert (example.split, example.line, example.text) == ("dev", *shown)
    assert example.note.startswith("train, line 141: ")
    assert there in example.note


def test_copies_and_near_copies_are_told_apart(tmp_path):
    train = conll(tmp_path, "train", *enough(LONG))
    assert list(found(train, conll(tmp_path, "dev", LONG, FINE))) == ["leakage"]
    assert found(conll(tmp_path, "one", *enough(LONG, LONG.replace("moved", "went")))) == {}


def test_documents_in_two_splits(tmp_path):
    def docs(name, *names):
        rows = [f"# newdoc id = {one}\n1\tAda{i}\t{chr(9).join('_' * 7)}\tNER=B-per" for i, one in enumerate(names)]
        path = tmp_path / f"{name}.conllu"
        path.write_text("\n\n".join(rows) + "\n\n", encoding="utf-8")
        return path

    findings = found(docs("train", *"abcdefghij" * 2), docs("dev", "x", "b", "y", "j", "b"))
    finding = findings["shared_documents"]
    assert (finding.level, finding.count, finding.of, finding.share) == ("info", 2, "documents in dev", 0.5)
    assert finding.details == ["b, j"]
    assert "shared_documents" not in found(docs("train", "a"), docs("dev", "b"))


def test_documents_without_names_are_none_of_another_split(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    start = "-DOCSTART-/O"
    one = conll(tmp_path / "a", "data", start, *enough())
    two = conll(tmp_path / "b", "data", start, FINE.replace("in", "by"))
    assert found(one, two) == {}


def test_sentences_that_cannot_be_read(tmp_path):
    train = conll(tmp_path, "train", *enough("Ada/B-per sleeps/O-"))
    with pytest.raises(CorpusError, match="line 142"):
        inspect_files([train])
    findings = found(train, skip_invalid=1)
    assert list(findings) == ["skipped"]
    finding = findings["skipped"]
    assert (finding.level, finding.count, finding.share) == ("error", 1, 1 / 21)
    assert len(finding.details) == 1
    assert f"{train}, line 142" in finding.details[0]
    assert found(train, skip_invalid=1, examples=0)["skipped"].details == []
    with pytest.raises(CorpusError, match="--skip-invalid = -1"):
        inspect_files([train], skip_invalid=-1)


def test_the_command_takes_the_options_of_reading(tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [{"text": f"Ada{i} sleeps", "entities": [[0, 4, "per"]], "source": f"d{i}"} for i in range(3)]
    path.write_text("".join(map("{}\n".format, [*map(json.dumps, rows), "no json"])))
    other = tmp_path / "dev.jsonl"
    other.write_text(json.dumps(rows[1]) + "\n")
    options = ["--skip-invalid", "1", "--document-key", "source", "--json", "-"]
    run = CliRunner().invoke(app, ["inspect", str(path), str(other), *options])
    assert run.exit_code == 0, run.output
    codes = [finding["code"] for finding in json.loads(run.stdout)["findings"]]
    assert "skipped" in codes
    assert "shared_documents" in codes


def test_the_same_sentence_annotated_differently(tmp_path):
    other = FINE.replace("London/B-geo", "London/O")
    finding = found(conll(tmp_path, "train", *enough(FINE, other)))["same_sentence"]
    assert (finding.level, finding.count) == ("warning", 1)
    assert finding.examples[0].note == ("Ada Lovelace (per), but Ada Lovelace (per), London (geo) in train, line 141")


def test_labels_that_train_lacks_and_that_others_lack(tmp_path):
    train = conll(tmp_path, "train", *enough())
    dev = conll(tmp_path, "dev", "Rain/B-wea fell/O on/O Ada/B-per ./O")
    codes = found(train, dev)
    assert codes.keys() == {"new_labels", "absent_labels"}
    assert (codes["new_labels"].level, codes["new_labels"].count) == ("error", 1)
    assert codes["new_labels"].title == "labels in dev that are missing from train: wea"
    assert (codes["absent_labels"].level, codes["absent_labels"].count) == ("warning", 20)
    assert codes["absent_labels"].title == "labels in train that are missing from dev: geo"


def test_rare_labels(tmp_path):
    assert "rare_labels" not in found(conll(tmp_path, "train", *enough(n=20)))
    finding = found(conll(tmp_path, "few", *enough(n=19)))["rare_labels"]
    assert (finding.level, finding.count, finding.details) == ("warning", 38, ["geo: 19", "per: 19"])


def test_a_file_without_entities(tmp_path):
    finding = found(conll(tmp_path, "train", *enough()), conll(tmp_path, "dev", "No/O one/O ./O"))["no_entities"]
    assert (finding.level, finding.title) == ("error", "dev has no entities")


def test_names_of_labels(tmp_path):
    path = jsonl(tmp_path, "train", *[(f"Ada left{i} Bob.", [[0, 3, "PER"]]) for i in range(20)],
                 *[(f"Ada met{i} Bob.", [[0, 3, "p er"]]) for i in range(20)])  # fmt: skip
    codes = found(path)
    assert (codes["like_labels"].level, codes["like_labels"].details) == ("warning", ["'PER' and 'p er'"])
    assert (codes["blank_labels"].level, codes["blank_labels"].count) == ("info", 20)


def test_only_one_label(tmp_path):
    path = conll(tmp_path, "train", *(sentence.replace("B-geo", "O") for sentence in enough()))
    assert found(path)["one_label"].level == "info"


def test_white_space_at_the_edges_of_tokens(tmp_path):
    doc = Doc(Vocab(), words=["Ada", "\n", "left"], spaces=[False, False, False], ents=["B-per", "I-per", "O"])
    DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=[doc]).to_disk(tmp_path / "train.spacy")
    finding = found(tmp_path / "train.spacy")["blank_edges"]
    assert (finding.level, finding.count, finding.share) == ("error", 1, 1.0)
    assert (finding.examples[0].unit, finding.examples[0].line, finding.examples[0].text) == ("Doc", 1, "Ada\\n")


def test_white_space_at_the_edges_of_offsets_is_told_from_misalignment(tmp_path):
    path = jsonl(tmp_path, "train", ("Ada met Bob.", [[3, 7, "x"], [8, 10, "per"]]), ("Ada left.", [[0, 3, "per"]]))
    codes = found(path)
    trimmed = codes["trimmed_edges"]
    assert (trimmed.level, trimmed.count, trimmed.share) == ("info", 1, 1 / 3)
    assert trimmed.details == [f"{path}, line 1: ' met' (x, 3-7) in 'Ada[ met] Bob.'"]
    assert (codes["misaligned"].count, codes["misaligned"].share) == (1, 1 / 3)
    assert codes["misaligned"].details == [f"{path}, line 1: 'Bo' (per, 8-10) in 'Ada met [Bo]b.'"]
    assert codes["unknown"].level == "info"


def test_overlapping_spans_are_counted(tmp_path):
    finding = found(jsonl(tmp_path, "train", ("New York.", [[0, 8, "geo"], [4, 8, "per"]])))["overlapping"]
    assert (finding.level, finding.count, finding.share) == ("warning", 1, 0.5)


ODD = ["Paris ,", "Paris,", ", Paris", "Paris .", "London.", '" Paris', '"Paris', "Paris )", "U.S. \"", "-", "NFL)",
       "Tuesday -", "Movie :"]  # fmt: skip
FINE_EDGES = ["U.N.", "Inc.", "St.", "U.S.", "11 %", "B . C .", "#rain", "@ada", "'90s", '" The Salt Ledger "', "C++",
              "“ Ada ”", "O ( Canada )", "(Canada)", "Who 's on first ?", "Yahoo!", "/ r / news", "James'",
              "' Into the Wild ' film", "-5", ".NET", "AT&amp;"]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_marks_that_are_not_part_of_a_name(text):
    assert has_odd_edge(text.split(" "))


@pytest.mark.parametrize("text", FINE_EDGES)
def test_marks_that_are_part_of_a_name(text):
    assert not has_odd_edge(text.split(" "))


def test_entities_with_punctuation_are_counted(tmp_path):
    finding = found(conll(tmp_path, "train", *enough("Off/O Oslo/B-geo ,/I-geo we/O wait/O")))["odd_edges"]
    assert (finding.level, finding.count, finding.share) == ("warning", 1, 1 / 41)
    assert finding.examples[0][4:8] == ("Off ", "Oslo ,", " we wait", "geo")


def test_long_entities(tmp_path):
    words = ["w/B-per", *["w/I-per"] * 19]
    assert "long_entities" not in found(conll(tmp_path, "fine", " ".join(words)))
    finding = found(conll(tmp_path, "long", " ".join([*words, "w/I-per"])))["long_entities"]
    assert (finding.level, finding.count) == ("warning", 1)


def test_another_label_than_usual(tmp_path):
    finding = found(conll(tmp_path, "train", *enough("London/B-per Jack/I-per wrote/O ,/O", "London/B-per wrote/O")))[
        "other_label"
    ]
    assert (finding.level, finding.count, finding.share) == ("warning", 1, 1 / 42)
    assert (finding.examples[0].text, finding.examples[0].label) == ("London", "per")
    assert finding.examples[0].note == "geo in 20 of 21"


def test_no_entity_where_it_usually_is_one(tmp_path):
    more = enough("Ada/O Lovelace/O wrote/O to/O London/B-geo")
    finding = found(conll(tmp_path, "train", *more))["missed"]
    assert (finding.level, finding.count) == ("warning", 1)
    assert (finding.examples[0].text, finding.examples[0].line) == ("Ada Lovelace", 141)
    assert finding.examples[0].note == "per in 20 of 21"


def test_an_entity_where_it_usually_is_none(tmp_path):
    finding = found(conll(tmp_path, "train", *enough("In/B-geo they/O went/O", *["In/O it/O is/O"] * 19)))["stray"]
    assert (finding.count, finding.examples[0].note) == (1, "no entity in 19 of 20")


def test_names_that_are_seldom_names_and_numbers_are_not_taken_for_errors(tmp_path):
    rare = enough("Sun/B-org said/O", *["The/O Sun/O is/O up/O"] * 18)
    assert "stray" not in found(conll(tmp_path, "rare", *rare))
    numbers = enough("since/O 15/B-tim May/I-tim", "the/O 15/B-tim of/O", *["15/O miles/O"] * 30)
    assert "stray" not in found(conll(tmp_path, "numbers", *numbers))


def test_no_examples_no_details(tmp_path):
    path = jsonl(tmp_path, "spans", ("Ada left.", [[0, 2, "per"]]), ("Paris is big.", [[0, 6, "geo"]]))
    assert len(found(path)["misaligned"].details) == 1
    findings = found(path, examples=0)
    assert (findings["misaligned"].details, findings["trimmed_edges"].details) == ([], [])


def test_readings_without_a_majority_are_no_finding(tmp_path):
    path = conll(tmp_path, "train", *enough(*["Paris/B-geo is/O"] * 3, *["Paris/B-per is/O"] * 3))
    assert found(path).keys() == {"same_sentence"}


def test_few_other_readings_are_no_warning(tmp_path):
    more = enough("Ada/O Lovelace/O wrote/O ./O", n=200)
    assert found(conll(tmp_path, "train", *more))["missed"].level == "info"


def test_repaired_tags(tmp_path):
    path = conll(tmp_path, "train", *enough("Off/O Oslo/I-geo ,/O Rio/I-per ./O", "Ada/B-per Bob/B-per ./O"))
    finding = found(path)["repaired"]
    assert (finding.level, finding.count, finding.examples[0].line) == ("warning", 2, 141)
    assert "in 1 sentence" in finding.title
    assert finding.examples[0].note == "2 repaired tags"


@pytest.mark.parametrize(
    ("code", "words", "shown"),
    [
        ("replacement", "caf\ufffd", "caf\ufffd"),
        ("mojibake", "cafÃ©", "cafÃ©"),
        ("control", "zero\u200bwidth", "zero\\u200bwidth"),
        ("control", "a\x9bb", "a\\x9bb"),
        ("markup", "Marks&amp;Spencer", "Marks&amp;Spencer"),
        ("markup", "& gt ;", "& gt ;"),
        ("treebank", "-LRB-", "-LRB-"),
    ],
)
def test_text_that_no_one_writes(tmp_path, code, words, shown):
    sentence = " ".join(f"{word}/O" for word in ["See", *words.split(" "), "café", "São", "AT&T", "now"])
    finding = found(conll(tmp_path, "train", *enough(sentence)))
    assert finding.keys() == {code}
    assert (finding[code].level, finding[code].count) == ("warning", 1)
    assert finding[code].examples[0].text == shown


@pytest.mark.parametrize(
    ("word", "expected"), [("cafÃ©", True), ("â€œ", True), ("café", False), ("Ã", False), ("é", False)]
)
def test_mojibake(word, expected):
    assert is_mojibake(word) is expected


def test_spaces_before_punctuation(tmp_path):
    spaced = jsonl(tmp_path, "spaced", ("Ada left , did n't she .", [[0, 3, "per"]]))
    finding = found(spaced)["spacing"]
    assert (finding.level, finding.count, finding.share) == ("warning", 3, 1.0)
    assert finding.examples[0].text == ","
    assert "spacing" not in found(jsonl(tmp_path, "fine", ("Ada left, didn't she.", [[0, 3, "per"]])))
    words = conll(tmp_path, "words", "Ada/B-per left/O ,/O did/O n't/O she/O ./O")
    for spacing, codes in (("single", {"spacing"}), ("natural", set())):
        convert(words, tmp_path / spacing, spacing=spacing)
        assert set(found(tmp_path / spacing / "words.spacy")) & {"spacing"} == codes
    # A list of words has no spacing that could be incorrect.
    assert "spacing" not in found(words)


@pytest.mark.parametrize(("code", "change"), [("lower_case", str.lower), ("upper_case", str.upper)])
def test_text_of_one_case(tmp_path, code, change):
    def sentence(i):
        return " ".join(f"{change(w)}/{t}" for w, t in (p.rsplit("/", 1) for p in enough()[i].split(" ")))

    finding = found(conll(tmp_path, "train", *map(sentence, range(20))))
    assert finding.keys() == {code}
    assert (finding[code].count, finding[code].share) == (20, 1.0)


def test_empty_sentences(tmp_path):
    docs = [Doc(Vocab(), words=words) for words in (["Ada"], [], [" "])]
    DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=docs).to_disk(tmp_path / "train.spacy")
    assert found(tmp_path / "train.spacy")["empty"].count == 2


def test_subwords_and_windows(tmp_path, encoder):
    path = conll(tmp_path, "train", *enough(" ".join(["plays/O"] * 62), " ".join(["plays/O"] * 63)))
    report = inspect_files([path], encoder=str(encoder))
    assert report.window == 64
    # "plays" is one subword, so these sentences have 64 and 65 subwords, including [CLS] and [SEP].
    assert {64, 65} <= report.corpora.train.subword_lengths.keys()
    (finding,) = report.findings
    assert (finding.code, finding.level, finding.count) == ("beyond_window", "info", 1)
    assert finding.examples[0].note == "65 subwords"


def test_tokens_that_share_a_subword_are_counted(tmp_path, encoder):
    # "nets" is one subword and two tokens without a space between them.
    words = ["Kevin", "ne", "ts"]
    doc = Doc(Vocab(), words=words, spaces=[True, False, False], ents=["B-per", "B-org", "I-org"])
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    report = inspect_files([tmp_path / "train.spacy"], encoder=str(encoder))
    assert report.corpora.train.n_joined == 1
    assert to_json(report)["splits"][0]["tokens_that_share_a_subword"] == 1
    assert re.search(r"tokens that share a subword +1 33\.3%", tables(report, 100))


def test_an_encoder_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        inspect_files([conll(tmp_path, "train", FINE)], encoder=str(tmp_path / "nowhere"))


def test_names_of_splits(tmp_path):
    def names(*paths):
        return split_names([Path(path) for path in paths])

    assert names("a/train.spacy", "a/dev.spacy") == ["train", "dev"]
    assert names("a/gmb.csv.zip") == ["gmb"]
    assert names("a/x.conll", "b/x.conll", "c/y.conll") == ["a/x.conll", "b/x.conll", "y"]
    with pytest.raises(CorpusError, match="is specified more than once"):
        names("a/x.conll", "a/../a/x.conll")
    with pytest.raises(CorpusError, match="There is no file to inspect"):
        names()


def test_entities_of_tags():
    tags = ["B-a", "I-a", "B-a", None, "O", "B-b"]
    assert list(entities(tags)) == [("a", 0, 2), ("a", 2, 3), ("b", 5, 6)]


def test_summary_of_lengths():
    assert summary(Counter({1: 10, 2: 9, 30: 1})) == (1, 1, 2, 30)
    assert summary(Counter({7: 1})) == (7, 7, 7, 7)
    assert summary(Counter()) is None


def test_what_a_terminal_obeys_is_not_sent_to_it():
    assert visible("a\x1b[31mé\u202e\x9b b") == "a\\x1b[31mé\\u202e\\x9b b"


# The command


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    """Return training data with `<script>` in text and labels, and dev data with one sentence that leaks."""
    evil = "<script>alert(1)<|script>/B-per ,/I-per left/O".replace("|", "\u2215")
    train = conll(tmp_path, "train", *enough(evil, "$x$/B-<b>&$ is/O"))
    return [train, conll(tmp_path, "dev", FINE.replace("lives", "lives3"))]


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["inspect", *map(str, arguments)])
    return done.exit_code, done.output


def test_the_terminal(corpus):
    code, output = run(*corpus)
    assert code == 0
    assert re.search(r"^sentences +22 +1$", output, re.MULTILINE)
    assert re.search(r"^entities also in train +- +100.0%$", output, re.MULTILINE)
    assert re.search(r"^per +21 +50.0% +1 +50.0%$", output, re.MULTILINE)
    assert "[leakage]" in output
    assert "Findings: 1 error, 3 warnings, 0 notes" in output
    assert max(map(len, output.splitlines())) <= 100


@pytest.mark.parametrize("width", [60, 80, 98])
def test_lines_fit_the_terminal(tmp_path, corpus, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width + 2))
    label = "a_long_name_of_a_label_of_which_there_are_two_"
    more = conll(tmp_path, "a_third_file_with_a_rather_long_name", *enough(f"x/B-{label}1 y/B-{label}2"))
    code, output = run(*corpus, more)
    assert code == 0
    assert width - 10 < max(map(len, output.splitlines())) <= width
    for n in (1, 2):
        assert re.search(rf"^a_long_name_of.*….*are_two_{n} ", output, re.MULTILINE)


@pytest.fixture
def chinese(tmp_path: Path) -> Path:
    return conll(tmp_path, "train", *enough("\u4e2d\u6587/B-per ,/I-per \U0001f600/O"))


@pytest.mark.process
def test_a_pipe_gets_no_colour_and_any_encoding_all_words(chinese):
    command = [sys.executable, "-m", "spacy", "bert-ner", "inspect", str(chinese)]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    text = subprocess.run(command, capture_output=True, env=environment, check=True).stdout
    assert b"\x1b" not in text
    assert rb"[\u4e2d\u6587 ,]" in text


def test_any_encoding_gets_all_words_as_json(chinese):
    done = CliRunner(charset="cp1252").invoke(app, ["inspect", str(chinese), "--json", "-"])
    assert done.exit_code == 0
    assert json.loads(done.stdout_bytes)["findings"][0]["examples"][0]["text"] == "\u4e2d\u6587 ,"


def test_nothing_that_is_read_is_written(tmp_path, corpus):
    before = corpus[1].read_bytes()
    for option in ("--json", "--html"):
        code, output = run(*corpus, option, corpus[1])
        assert code == 1
        assert "is an input, so it cannot be overwritten" in " ".join(output.split())
        assert corpus[1].read_bytes() == before
    code, output = run(*corpus, "--json", tmp_path / "one", "--html", tmp_path / "one")
    assert code == 1
    assert "is specified for both --json and --html" in " ".join(output.split())
    code, output = run(*corpus, "--html", "-")
    assert code == 1
    assert "--html page.html" in output
    assert not (tmp_path / "one").exists()


def test_strict(tmp_path, corpus):
    assert run(*corpus, "--strict")[0] == 1
    fine = conll(tmp_path, "fine", *enough())
    assert run(fine, "--strict")[0] == 0


def test_json(tmp_path, corpus):
    code, output = run(*corpus, "--json", "-", "--examples", 1)
    content = json.loads(output)
    assert code == 0
    assert content["labels"] == ["per", "geo", "<b>&$"]
    assert [split["name"] for split in content["splits"]] == ["train", "dev"]
    assert content["splits"][1]["entities_by_label"] == {"geo": 1, "per": 1, "<b>&$": 0}
    assert content["splits"][1]["sentence_tokens"] == {"min": 6, "median": 6, "p95": 6, "max": 6, "counts": {"6": 1}}
    assert content["counts"] == {"error": 1, "warning": 3, "info": 0}
    leak = content["findings"][0]
    assert (leak["code"], leak["count"], len(leak["examples"])) == ("leakage", 1, 1)
    assert run(*corpus, "--json", tmp_path / "out" / "found.json", "--examples", 1)[0] == 0
    assert json.loads((tmp_path / "out" / "found.json").read_text()) == content


def test_the_page_escapes_the_corpus(tmp_path, corpus):
    code, output = run(*corpus, "--html", tmp_path / "page.html")
    assert code == 0, output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>&$" not in page
    assert "&lt;b&gt;&amp;$" in page
    assert page.count("<svg") == 3
    assert 'aria-label="Sentence lengths"' in page
    assert 'http-equiv="Content-Security-Policy"' in page
    assert not re.search(r"<(?:link|img|iframe|script)\b|url\(\s*['\"]?http", page)


def test_the_page_tells_labels_apart_that_begin_alike_and_scrolls_charts(tmp_path):
    label = "a_long_name_of_a_label_of_which_there_are_many_"
    path = conll(tmp_path, "train", *(f"x/B-{label}{i} y/O" for i in range(30)))
    other = conll(tmp_path, "dev", f"x/B-{label}1 y/O")
    assert run(path, other, "--html", tmp_path / "page.html")[0] == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "a_long_name…are_many_1<" in page
    assert "Each split has its own scale. 5 rarer labels are not shown." in " ".join(page.split())
    assert page.count('<div class="scroll"><svg') == 3
    assert "@media print" in page


def test_charts_of_odd_corpora(tmp_path, encoder):
    names = [f"part{i}" for i in range(7)]
    paths = [conll(tmp_path, name, f"東京/B-{name} 日本/B-場所 is/O") for name in names]
    code, output = run(*paths, "--html", tmp_path / "page.html", "--encoder", encoder)
    assert code == 0, output
    assert "1 split is not shown." in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert run(conll(tmp_path, "none", "No/O one/O"), "--html", tmp_path / "none.html")[0] == 0


def test_the_page_needs_matplotlib(tmp_path, corpus, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    code, output = run(*corpus, "--html", tmp_path / "page.html")
    assert code == 1
    assert "pip install 'spacy-bert-ner[report]'" in " ".join(output.split())
    assert not (tmp_path / "page.html").exists()
    assert run(*corpus)[0] == 0


def test_a_file_that_cannot_be_read(tmp_path, corpus):
    code, output = run(*corpus, tmp_path / "nowhere.conll", "--html", tmp_path / "page.html")
    assert code == 1
    assert "Nothing was inspected" in output
    assert "nowhere.conll" in output
    assert not (tmp_path / "page.html").exists()
    done = CliRunner().invoke(app, ["inspect", str(tmp_path / "nowhere.conll"), "--json", "-"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nowhere.conll" in done.stderr


def test_the_command_says_how_each_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "a.tsv"
    path.write_text("Ada\tB-per\tO\nleft\tO\tB-x\n")
    result = CliRunner().invoke(app, ["inspect", str(path)])
    assert result.output.startswith(
        "ℹ a: format conll, tags in column 2, words in column 1, scheme IOB2, encoding utf-8\n"
        "⚠ Column 3 also contains tags, such as B-x, but the tags in column 2 were used. To use column 3\n"
        "  instead: --column 3\n\n"
    )
