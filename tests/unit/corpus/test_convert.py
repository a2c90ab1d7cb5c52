import errno
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
import spacy
from fork_server import fast_python
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.span_alignment import tokenizer
from spacy_bert_ner.corpus.writers import docbin
from spacy_bert_ner.corpus.writers.docbin import DocBinWriter
from spacy_bert_ner.errors import CorpusError

pytestmark = pytest.mark.usefixtures("silent_on_small_dev")

CORPUS = """\
text,labels
The U.N. held hour-long talks in São Paulo .,O B-org O O O O B-geo I-geo O
"Mr. O'Neill paid $3.5bn , he said .",B-per I-per O O O O O O
Nobody came .,O O O
Paris Hilton Jordan left .,B-per I-per B-per O O
"""

EXPECTED = [
    (
        "The U.N. held hour-long talks in São Paulo.",
        ["The", "U.N.", "held", "hour-long", "talks", "in", "São", "Paulo", "."],
        ["O", "B-org", "O", "O", "O", "O", "B-geo", "I-geo", "O"],
        [("U.N.", "org"), ("São Paulo", "geo")],
    ),
    (
        "Mr. O'Neill paid $3.5bn, he said.",
        ["Mr.", "O'Neill", "paid", "$3.5bn", ",", "he", "said", "."],
        ["B-per", "I-per", "O", "O", "O", "O", "O", "O"],
        [("Mr. O'Neill", "per")],
    ),
    ("Nobody came.", ["Nobody", "came", "."], ["O", "O", "O"], []),
    (
        "Paris Hilton Jordan left.",
        ["Paris", "Hilton", "Jordan", "left", "."],
        ["B-per", "I-per", "B-per", "O", "O"],
        [("Paris Hilton", "per"), ("Jordan", "per")],
    ),
]

TEN = "\n\n".join(f"{letter} O" for letter in "abcdefghij")
BAD = "text,labels\nNobody came,O O\nKevin Durant plays,B-per I-per\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path, CORPUS, "news.csv")


def write(folder: Path, content: str, name: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def read(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def tags_of(doc: Doc) -> list[str]:
    # `ent_iob_` is "" for a token without annotation, and "O" for a token outside entities.
    return [f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else token.ent_iob_ for token in doc]


def words(path: Path) -> list[str]:
    return [token.text for doc in read(path) for token in doc]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def printed(output: str) -> str:
    return " ".join(output.split())  # wasabi wraps long messages


def test_each_sentence_becomes_a_doc_with_its_words_and_entities(tmp_path, source):
    done = convert(source, tmp_path / "corpus")
    path = tmp_path / "corpus" / "news.spacy"
    assert (done.counts, done.format, done.n_repaired) == ({path: 4}, "gmb-sentences", 0)
    assert done.tag_scheme == "IOB2"
    docs = read(path)
    assert [
        (doc.text, [token.text for token in doc], tags_of(doc), [(ent.text, ent.label_) for ent in doc.ents])
        for doc in docs
    ] == EXPECTED


def test_words_that_hold_white_space_and_labels_that_hold_hyphens_survive(tmp_path):
    source = write(tmp_path, "New York\tB-creative-work\n\x85\tI-creative-work\nends\tO\n", "news.conll")
    convert(source, tmp_path)
    (doc,) = read(tmp_path / "news.spacy")
    assert [token.text for token in doc] == ["New York", "\x85", "ends"]
    assert doc.text == "New York \x85 ends"
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("New York \x85", "creative-work")]


def test_without_a_split_the_order_is_that_of_the_text(tmp_path):
    convert(write(tmp_path, TEN, "ten.conll"), tmp_path / "corpus", seed=7)
    assert list(contents(tmp_path / "corpus")) == ["ten.spacy"]
    assert "".join(words(tmp_path / "corpus" / "ten.spacy")) == "abcdefghij"


def test_a_split_writes_train_dev_and_test(tmp_path):
    corpus = tmp_path / "corpus"
    done = convert(write(tmp_path, TEN, "ten.conll"), corpus, split="80/10/10")
    assert done.counts == {corpus / "train.spacy": 8, corpus / "dev.spacy": 1, corpus / "test.spacy": 1}
    assert sorted(contents(corpus)) == ["dev.spacy", "split.json", "test.spacy", "train.spacy"]
    parts = ["".join(words(corpus / f"{part}.spacy")) for part in ("train", "dev", "test")]
    assert parts == ["ibfahcje", "d", "g"]  # in the order given by `numpy.random.RandomState(42).permutation(10)`


def test_a_split_in_two_writes_train_and_dev(tmp_path):
    convert(write(tmp_path, TEN, "ten.conll"), tmp_path / "corpus", split="70/30")
    assert sorted(contents(tmp_path / "corpus")) == ["dev.spacy", "split.json", "train.spacy"]


def test_options_of_the_reader_reach_it(tmp_path):
    source = tmp_path / "data.txt"
    source.write_bytes(b"S\xe3o I-geo\n\nPaulo I-geo\n\nends B-geo\n")
    done = convert(source, tmp_path, format="conll", encoding="latin-1", limit=2, tag_scheme="IOB2")
    assert (done.counts, done.n_repaired, done.tag_scheme) == ({tmp_path / "data.spacy": 2}, 2, "IOB2")
    assert words(tmp_path / "data.spacy") == ["São", "Paulo"]


def test_a_file_of_words_builds_no_tokenizer(tmp_path, source, monkeypatch):
    def blank(lang: str) -> Language:
        raise AssertionError(f"a tokenizer of {lang} was built")

    monkeypatch.setattr(spacy, "blank", blank)
    convert(source, tmp_path)


def test_a_tokenizer_of_a_language_is_built_once(tmp_path, monkeypatch):
    langs = []

    def blank(lang: str, blank=spacy.blank) -> Language:
        langs.append(lang)
        return blank(lang)

    monkeypatch.setattr(spacy, "blank", blank)
    tokenizer.cache_clear()
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "Ada met Bob.", "spans": []}\n')
    for lang in ("de", "de", "xx"):
        convert(path, tmp_path / "out", lang=lang)
    assert langs == ["de", "xx"]


def test_the_same_input_and_seed_give_the_same_bytes(tmp_path, source):
    for folder, seed in (("first", 3), ("second", 3), ("third", 4)):
        convert(source, tmp_path / folder, split="50/25/25", seed=seed)
    first, second, third = (contents(tmp_path / folder) for folder in ("first", "second", "third"))
    assert first == second
    assert first != third


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (BAD, {}, "line 3: the number of words .3. differs from the number of labels .2."),
        ("", {}, "contains no annotated sentences"),
        (CORPUS, {"split": "80/10"}, "--split 80/10 is invalid"),
        (
            CORPUS,
            {"split": "98/1/1"},
            "4 sentences are too few for --split 98/1/1, because the dev split would be empty",
        ),
        (CORPUS, {"limit": 0}, "--limit 0 is invalid"),
        (CORPUS, {"encoding": "utf-9"}, "--encoding utf-9 is not a supported text encoding"),
        (CORPUS, {"format": "conll"}, "line 1: the row 'text,labels' has only one column"),
    ],
)
@pytest.mark.parametrize("there_before", [False, True], ids=["nothing-before", "files-before"])
def test_on_bad_input_no_file_is_written_and_old_ones_stay(tmp_path, content, options, message, there_before):
    source = write(tmp_path, content, "train.csv")
    corpus = tmp_path / "corpus"
    if there_before:
        convert(write(tmp_path, TEN, "ten.conll"), corpus, split="80/10/10")
    before = contents(corpus)
    assert len(before) == (4 if there_before else 0)
    with pytest.raises(CorpusError, match=message):
        convert(source, corpus, **options)
    assert contents(corpus) == before


@pytest.mark.parametrize("exception", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("there_before", [False, True], ids=["nothing-before", "files-before"])
def test_when_writing_fails_old_files_stay_and_no_temporary_ones_remain(
    tmp_path, source, monkeypatch, exception, there_before
):
    corpus = tmp_path / "corpus"
    if there_before:
        convert(write(tmp_path, TEN, "ten.conll"), corpus, split="80/10/10")
    before = contents(corpus)
    written = []

    def to_disk(self: DocBinWriter, path: Path, order=None, to_disk=DocBinWriter.write) -> None:
        written.append(path)
        to_disk(self, path, order)
        if len(written) == 2:
            path.write_bytes(path.read_bytes()[:10])
            raise exception("no space left on device")

    monkeypatch.setattr(DocBinWriter, "write", to_disk)
    with pytest.raises(exception, match="no space left on device"):
        convert(source, corpus, split="50/25/25")
    assert len(written) == 2
    assert contents(corpus) == before


# The command line


def test_the_command_converts_splits_and_says_so(tmp_path):
    corpus = tmp_path / "corpus"
    source = write(tmp_path, TEN.replace("O", "I-x", 2).replace("O", "B-x", 1), "ten.conll")
    result = CliRunner().invoke(app, ["convert", str(source), str(corpus), "--split", "80/10/10", "--seed", "0"])
    assert result.exit_code == 0
    assert (
        "ten.conll: format conll, tags in the last column, words in column 1, scheme IOB2, encoding utf-8"
        in printed(result.output)
    )
    assert "2 tags that violate the scheme IOB2 were repaired" in printed(result.output)
    for count in ("train.spacy: 8 sentences", "dev.spacy: 1 sentences", "test.spacy: 1 sentences"):
        assert count in printed(result.output)
    # In the order given by `numpy.random.RandomState(0).permutation(10)`
    parts = ["".join(words(corpus / f"{part}.spacy")) for part in ("train", "dev", "test")]
    assert parts == ["ciejbghd", "a", "f"]


def test_the_command_says_nothing_of_repairs_where_there_were_none(tmp_path, source):
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path)])
    assert result.exit_code == 0
    assert "news.spacy: 4 sentences" in printed(result.output)
    assert "repaired" not in result.output


def test_the_command_passes_its_options_on(tmp_path):
    source = tmp_path / "data.txt"
    source.write_bytes(b"S\xe3o B-geo\n\nPaulo B-geo\n")
    options = ["--format", "conll", "--encoding", "latin-1", "--limit", "1", "--lang", "pt"]
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path), *options])
    assert result.exit_code == 0
    assert words(tmp_path / "data.spacy") == ["São"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (BAD, [], "line 3: the number of words (3) differs from the number of labels (2)"),
        (BAD, [], "that starts with 'Kevin Durant plays'"),
        (CORPUS, ["--split", "80/10"], "--split 80/10 is invalid"),
        (CORPUS, ["--limit", "0"], "--limit 0 is invalid"),
        (CORPUS, ["--format", "conll"], "line 1: the row 'text,labels' has only one column"),
    ],
)
def test_the_command_fails_with_status_1_and_a_message_and_no_traceback(tmp_path, content, options, message):
    source = write(tmp_path, content, "news.csv")
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path / "corpus"), *options])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "Nothing was converted" in result.output
    assert message in printed(result.output)
    assert contents(tmp_path / "corpus") == {}


def test_the_command_takes_a_tag_scheme(tmp_path):
    source = write(tmp_path, "T B-cell\ncells B-cell\nB B-cell\n", "cells.conll")
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path), "--tag-scheme", "plain"])
    assert result.exit_code == 0
    assert "cells.conll: format conll, tags in the last column, words in column 1, scheme plain" in printed(
        result.output
    )
    (doc,) = read(tmp_path / "cells.spacy")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("T cells B", "B-cell")]


def test_the_command_prints_the_scheme_that_an_alias_means(tmp_path):
    source = write(tmp_path, "Ada S-per\ncame O\n", "cells.conll")
    for name in ("BIOES", "bioes"):
        result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path), "--tag-scheme", name])
        assert result.exit_code == 0
        assert "words in column 1, scheme IOBES" in printed(result.output)


@pytest.mark.parametrize("scheme", ["iob3", "IOB", "BIOS", "auto", ""])
def test_the_command_refuses_a_tag_scheme_that_it_does_not_know(tmp_path, source, scheme):
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path / "corpus"), "--tag-scheme", scheme])
    assert result.exit_code == 1
    allowed = "Allowed: IOB1, IOB2, IOE1, IOE2, BILUO, IOBES, BMES, BMEWO, plain; "
    allowed += "BIO means IOB2, BIOES means IOBES, BILOU means BILUO."
    assert f"[convert] --tag-scheme = '{scheme}' is invalid. {allowed}" in printed(result.output)
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_the_command_refuses_a_seed_that_numpy_does_not_take(tmp_path, source, seed):
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path), "--split", "80/20", "--seed", seed])
    assert result.exit_code == 2
    assert sorted(contents(tmp_path)) == ["news.csv"]


@pytest.mark.process
def test_spacy_knows_the_command_and_another_process_writes_the_same_bytes(tmp_path, source):
    convert(source, tmp_path / "here", split="50/25/25", seed=3)
    command = [fast_python(), "-m", "spacy", "bert-ner", "convert", str(source), str(tmp_path / "there")]
    result = subprocess.run(
        [*command, "--split", "50/25/25", "--seed", "3"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "train.spacy: 2 sentences" in printed(result.stdout)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.parametrize(
    ("name", "output"),
    [("emerging.dev.conll", "emerging.dev"), ("emerging.test.annotated", "emerging.test"), (".hidden.csv", ".hidden")],
)
def test_the_output_is_named_after_the_input(tmp_path, name, output):
    (tmp_path / name).write_text("a O\nb O\n")
    assert list(convert(tmp_path / name, tmp_path / "out").counts) == [tmp_path / "out" / f"{output}.spacy"]


def test_an_unknown_language_is_refused(tmp_path):
    (tmp_path / "a.conll").write_text("a O\n")
    with pytest.raises(CorpusError, match=r"--lang qq cannot be used \("):
        convert(tmp_path / "a.conll", tmp_path / "out", lang="qq")
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_ends_the_command_with_a_message(tmp_path):
    (tmp_path / "a.conll").write_text("a O\n")
    (tmp_path / "out").write_text("mine")
    result = CliRunner().invoke(app, ["convert", str(tmp_path / "a.conll"), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "Nothing was converted" in result.output
    assert (tmp_path / "out").read_text() == "mine"


def documents(n: int, size: int) -> str:
    """Return documents with `size` sentences each. Every tenth document has an entity with a rare label."""
    rows = []
    for i in range(n):
        rows.append("-DOCSTART- O\n")
        rare = "B-rare" if i % 10 == 0 else "B-per"
        rows += [f"doc{i} O\nword{j} {rare if j == 0 else 'O'}\n" for j in range(size)]
    return "\n".join(rows)


def test_no_document_is_in_two_parts(tmp_path):
    convert(write(tmp_path, documents(20, 3), "a.conll"), tmp_path, split="80/10/10", by_document=True)
    parts = [{doc[0].text for doc in read(tmp_path / f"{name}.spacy")} for name in ("train", "dev", "test")]
    assert [len(part) for part in parts] == [16, 2, 2]
    assert len(set.union(*parts)) == 20
    assert [doc.user_data["document"] for doc in read(tmp_path / "dev.spacy")[:3]] == 3 * [
        f"a.conll {int(read(tmp_path / 'dev.spacy')[0][0].text[3:]) + 1}"
    ]


@pytest.mark.parametrize("by_document", [False, True])
def test_a_rare_label_is_in_every_part(tmp_path, by_document):
    source = write(tmp_path, documents(40, 2), "a.conll")
    for seed in range(3):
        convert(source, tmp_path, split="50/25/25", seed=seed, stratify=True, by_document=by_document)
        rare = [
            sum(ent.label_ == "rare" for doc in read(tmp_path / f"{name}.spacy") for ent in doc.ents)
            for name in ("train", "dev", "test")
        ]
        assert rare == [2, 1, 1]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (documents(4, 1), {"stratify": True}, "--stratify requires --split"),
        (documents(4, 1), {"by_document": True}, "--by-document requires --split"),
        (documents(4, 1), {"duplicates": "exact"}, "--duplicates exact requires --split"),
        (TEN, {"duplicates": "all", "split": "80/10/10"}, "'all' is invalid. Allowed: near, exact, keep."),
        (TEN, {"by_document": True, "split": "80/10/10"}, "line 1: the format conll does not specify a document"),
        (TEN, {"spacing": "wide"}, "--spacing = 'wide' is invalid. Allowed: natural, single, none"),
    ],
)
def test_options_of_the_split_and_the_text_are_checked(tmp_path, content, options, message):
    with pytest.raises(CorpusError, match=message):
        convert(write(tmp_path, content, "a.conll"), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists() or contents(tmp_path / "out") == {}


def test_single_spacing_leaves_a_space_everywhere(tmp_path, source):
    convert(source, tmp_path, spacing="single")
    doc = read(tmp_path / "news.spacy")[1]
    assert doc.text == "Mr. O'Neill paid $3.5bn , he said ."
    assert doc.ents[0].text == "Mr. O'Neill"


def test_no_spacing_leaves_no_space_and_the_entities(tmp_path):
    """Test text without spaces, as in a language for which the spacing rules do not work."""
    convert(write(tmp_path, "a B-per\nb I-per\n. O\n", "a.conll"), tmp_path, spacing="none")
    [doc] = read(tmp_path / "a.spacy")
    assert (doc.text, [token.text for token in doc], doc.ents[0].text) == ("ab.", ["a", "b", "."], "ab")


def test_the_command_takes_the_options_of_the_split_and_the_text(tmp_path):
    source = write(tmp_path, documents(20, 3).replace("word1 O", ". O"), "a.conll")
    options = ["--split", "80/10/10", "--by-document", "--stratify", "--spacing", "single"]
    done = CliRunner().invoke(app, ["convert", str(source), str(tmp_path), *options])
    assert done.exit_code == 0, done.output
    docs = read(tmp_path / "test.spacy")
    assert len({doc.user_data["document"] for doc in docs}) == 2
    assert docs[1].text.endswith(" .")


def test_more_than_one_file_can_hold_is_refused(tmp_path, source, monkeypatch):
    monkeypatch.setattr(docbin, "_MOST_BYTES", 100)
    with pytest.raises(CorpusError, match="25 tokens exceed the 4 GiB limit of one .spacy file"):
        convert(source, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


KILLED = """
import os, signal, sys
from pathlib import Path
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.writers.docbin import DocBinWriter

write, written = DocBinWriter.write, []

def write_and_die(self, path, order=None):
    write(self, path, order)
    written.append(path)
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

DocBinWriter.write = write_and_die
convert(Path(sys.argv[1]), Path(sys.argv[2]), split="80/10/10")
"""


@pytest.mark.process
def test_a_kill_in_the_middle_leaves_the_old_files_as_they_were(tmp_path):
    corpus = tmp_path / "corpus"
    convert(write(tmp_path, TEN, "old.conll"), corpus, split="80/10/10")
    before = contents(corpus)
    new = write(tmp_path, TEN.replace(" O", " B-per"), "new.conll")
    done = subprocess.run([fast_python(), "-c", KILLED, str(new), str(corpus)], capture_output=True, timeout=120)
    assert done.returncode == -9, done.stderr
    after = contents(corpus)
    assert {name: after[name] for name in before} == before
    # Unfinished files have names that no reader accepts, and they do not affect the next run.
    assert all(name.startswith(".") for name in set(after) - set(before))
    convert(new, corpus, split="80/10/10")
    assert contents(corpus)["train.spacy"] != before["train.spacy"]
    assert contents(corpus).keys() == before.keys()  # unfinished files have been deleted


def test_a_file_where_the_folder_should_be_is_refused(tmp_path, source):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CorpusError, match="out is a file, but the output requires a folder. Choose another path"):
        convert(source, tmp_path / "out")
    with pytest.raises(
        CorpusError,
        match=r"out/in: the output cannot be written \(Not a directory\). The output folder must be writable",
    ):
        convert(source, tmp_path / "out" / "in")
    assert (tmp_path / "out").read_text() == "mine"


def test_the_whole_name_of_a_folder_is_that_of_its_file(tmp_path):
    (tmp_path / "notes.v2").mkdir()
    for suffix in ("txt", "ann"):
        (tmp_path / "notes.v2" / f"a.{suffix}").write_text("Ada" if suffix == "txt" else "")
    assert [path.name for path in convert(tmp_path / "notes.v2", tmp_path).counts] == ["notes.v2.spacy"]


@pytest.mark.parametrize("options", [{"to": "spacy"}, {"to": "conll"}, {"to": "jsonl", "split": "80/20"}])
def test_a_full_disk_leaves_the_old_files_and_is_named(tmp_path, source, monkeypatch, options):
    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CorpusError, match=r"the output cannot be written \(No space left on device\)"):
        convert(source, tmp_path / "out", **options)
    assert contents(tmp_path / "out") == {}


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path, monkeypatch):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.conll", TEN)

    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", fail)
    with pytest.raises(
        CorpusError, match="does not have enough space to unzip the file .*TMPDIR to another .* unzip the file yourself"
    ):
        convert(path, tmp_path / "out")


@pytest.mark.parametrize("options", [{}, {"stratify": True}])
def test_no_sentence_is_in_two_parts(tmp_path, options):
    # Five sentences occur five times. A purely random split would put copies in several splits.
    words = [*"abcde" * 5, *"fghijklmnopqrstuvwxyz"]
    source = write(tmp_path, "\n\n".join(f"{word} B-per\n. O" for word in words), "a.conll")
    done = convert(source, tmp_path, split="50/25/25", **options)
    parts = [{doc[0].text for doc in read(tmp_path / f"{name}.spacy")} for name in ("train", "dev", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 26
    assert sum(done.counts.values()) == 46
    said = [message.partition(" ")[2] for message in done.messages]
    assert said == (
        []
        if options
        else [
            (
                "duplicate sentences were moved to the split that contains the first copy. To allow "
                "duplicates in different splits: --duplicates keep"
            )
        ]
    )


def test_the_command_says_what_it_read(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("# newdoc id = d1\n1 Ada B-per O\n2 left O O\n3 Rome B-geo B-x\n")
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")])
    assert (
        result.output
        == f"""\
ℹ {path}: format conll, tags in column 3, words in column 2, scheme IOB2, encoding utf-8
⚠ Column 4 also contains tags, such as B-x, but the tags in column 3 were used. To use column 4 instead: --column 4
✔ {tmp_path / "out" / "a.spacy"}: 1 sentences

label       a
---------   -
geo         1
per         1
sentences   1

"""
    )


def test_lists_have_a_line_for_each_entry(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Berliners", "spans": [{"start": 0, "end": 6, "label": "geo"}]}\n' * 2)
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert [line[:20] for line in result.output.splitlines()][:2] == ["✘ Nothing was conver", "2 of 2 spans do not "]
    assert result.output.count("\n- ") == 2


def test_a_text_without_entities_or_with_few_is_warned_of(tmp_path):
    none, few, usual = (tmp_path / f"{name}.conll" for name in ("none", "few", "usual"))
    none.write_text("Ada O\nleft O\n")
    few.write_text("Ada B-per\n" + "left O\n\nhome O\n\n" * 1000)
    usual.write_text("Ada B-per\n\n" * 5 + "left O\n\nhome O\n\n" * 1000)
    assert convert(none, tmp_path / "out").messages == [
        "No entities were found in 2 tokens. If the text is annotated, specify its format with --format or its tag "
        "column with --column."
    ]
    assert convert(few, tmp_path / "out").messages == [
        "Only 1 entities were found in 2001 tokens, which is fewer than one per 500 tokens. Check that --column "
        "specifies the tag column and that all texts are annotated."
    ]
    assert convert(usual, tmp_path / "out").messages == []


def test_the_complete_lists_are_written_where_the_user_wants_them(tmp_path):
    path, problems = tmp_path / "a.jsonl", tmp_path / "problems.txt"
    path.write_text('{"text": "Berliners", "spans": [{"start": 0, "end": 6, "label": "geo"}]}\n' * 7 + "[]\n")
    command = ["convert", str(path), str(tmp_path / "out"), "--skip-invalid", "1"]
    lines = [f"{path}, line {i}: 'Berlin' (geo, 0-6) in '[Berlin]ers'" for i in range(1, 8)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "For the complete lists: --problems FILE"
    result = CliRunner().invoke(app, [*command, "--problems", str(problems)])
    assert result.exit_code == 1
    assert "the complete lists" not in result.output
    assert problems.read_text().splitlines() == ["Spans that do not start and end at token boundaries: 7", *lines, ""]
    assert not (tmp_path / "out").exists()
    command += ["--misaligned", "expand"]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, "ℹ For the complete lists: --problems FILE" in result.output) == (0, True)
    result = CliRunner().invoke(app, [*command, "--problems", str(problems)])
    assert problems.read_text().splitlines()[-3:-1] == ["", "Sentences that cannot be read: 1"]
    assert f"{path}, line 8" in problems.read_text().splitlines()[-1]
    result = CliRunner().invoke(app, [*command, "--problems", str(path)])
    assert (result.exit_code, "is an input, so it cannot be overwritten" in result.output) == (1, True)
