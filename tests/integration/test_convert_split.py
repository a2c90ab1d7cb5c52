"""Test duplicates and documents in splits, and `split.json`."""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

import spacy_bert_ner
from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.splitting.manifest import source_sha256
from spacy_bert_ner.errors import CorpusError

pytestmark = pytest.mark.usefixtures("silent_on_small_dev")

# Ten sentences with six words each. `numpy.random.RandomState(42).permutation(10)` yields the order ibfahcjedg, so a
# 50/20/30 split is ibfah/cj/edg. The fourth sentence (d) equals i, and the seventh (g) has one word more than c.
SENTENCES = [" ".join(f"{letter}{i}" for i in range(6)) for letter in "abcdefghij"]
SENTENCES[3], SENTENCES[6] = SENTENCES[8], SENTENCES[2] + " g6"


def conll(sentences: list[str], tag: str = "B-per") -> str:
    """Return sentences in CoNLL format. The first word of each sentence is an entity."""
    return "\n\n".join("\n".join(f"{w} {'O' if i else tag}" for i, w in enumerate(s.split())) for s in sentences)


def documents(*texts: list[str]) -> str:
    return "".join(f"-DOCSTART- O\n\n{conll(sentences)}\n\n" for sentences in texts)


def write(folder: Path, content: str, name: str = "a.conll") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def texts(folder: Path) -> dict[str, list[str]]:
    vocab = spacy.blank("en").vocab
    names = [name for name in ("train", "dev", "test") if (folder / f"{name}.spacy").exists()]
    return {name: [d.text for d in DocBin().from_disk(folder / f"{name}.spacy").get_docs(vocab)] for name in names}


def places(folder: Path) -> list[list[int]]:
    return [part["places"] for part in json.loads((folder / "split.json").read_text())["parts"].values()]


@pytest.mark.parametrize(
    ("duplicates", "expected", "n_messages"),
    [
        ("keep", [[8, 1, 5, 0, 7], [2, 9], [4, 3, 6]], 0),
        ("exact", [[8, 1, 5, 0, 7, 3], [2, 9], [4, 6]], 1),
        ("near", [[8, 1, 5, 0, 7, 3], [2, 9, 6], [4]], 2),
    ],
)
def test_copies_go_to_the_part_of_the_first_of_them(tmp_path, duplicates, expected, n_messages):
    done = convert(write(tmp_path, conll(SENTENCES)), tmp_path, split="50/20/30", duplicates=duplicates)
    assert texts(tmp_path) == {
        name: [SENTENCES[i] for i in part] for name, part in zip(("train", "dev", "test"), expected, strict=True)
    }
    assert places(tmp_path) == expected
    assert (
        done.messages
        == [
            (
                "1 duplicate sentences were moved to the split that contains the first copy. To allow "
                "duplicates in different splits: --duplicates keep"
            ),
            "1 near-duplicate sentences were moved to the split that contains the first similar sentence. Examples: "
            "'… c2 c3 c4 c5' and '… c2 c3 c4 c5 g6'. To allow near-duplicates in different splits: --duplicates exact",
        ][:n_messages]
    )


def test_near_copies_are_the_default(tmp_path):
    convert(write(tmp_path, conll(SENTENCES)), tmp_path, split="50/20/30")
    assert places(tmp_path) == [[8, 1, 5, 0, 7, 3], [2, 9, 6], [4]]


@pytest.mark.parametrize("duplicates", ["near", "exact", "keep"])
def test_a_stratified_split_keeps_near_copies_together(tmp_path, duplicates):
    sentences = [f"x{i // 2} a{i // 2} b{i // 2} c{i // 2} d{i // 2} e{i // 2}" + " f" * (i % 2) for i in range(40)]
    apart = 0
    for seed in range(3):
        convert(
            write(tmp_path, conll(sentences)),
            tmp_path,
            split="50/25/25",
            seed=seed,
            stratify=True,
            duplicates=duplicates,
        )
        parts = [set(part) for part in places(tmp_path)]
        assert [len(part) for part in parts] == [20, 10, 10]
        apart += sum(i in part and i + 1 not in part for part in parts for i in range(0, 40, 2))
    assert (apart == 0) == (duplicates == "near")


def many_documents(shared: str, n: int = 20) -> list[list[str]]:
    """Return documents with three sentences each. Documents with an even index start with the same sentence."""
    return [
        [shared if i % 2 == 0 else f"own{i} a{i} b{i} c{i} d{i}", f"x{i} y{i} z{i} v{i} w{i}", f"end{i} ."]
        for i in range(n)
    ]


def parts_of_documents(folder: Path) -> list[set[int]]:
    """Return the document indices in each split. All three sentences of a document must be in the same split."""
    found = [[place // 3 for place in part] for part in places(folder)]
    assert all(part.count(i) == 3 for part in found for i in part)
    return [set(part) for part in found]


@pytest.mark.parametrize("other", ["all rights are reserved .", "all rights are reserved . Next"])
def test_documents_that_share_a_sentence_are_in_one_part(tmp_path, other):
    sentences = many_documents("own1 a1 b1 c1 d1", 8)
    sentences[4][1] = "all rights are reserved ."
    sentences[7][1] = other
    source = write(tmp_path, documents(*sentences))
    for seed in range(3):
        done = convert(source, tmp_path, split="60/20/20", by_document=True, seed=seed)
        parts = parts_of_documents(tmp_path)
        assert sorted(i for part in parts for i in part) == [*range(8)]
        # Document 0 shares a sentence with 2, 4 and 6. It is also connected to document 1, and to document 7 through 4.
        (part,) = (part for part in parts if 0 in part)
        assert part >= {0, 1, 2, 4, 6, 7}
        assert done.messages == [
            "--split 60/20/20 produced splits with 75/12/12 percent of the sentences. Documents that share a sentence "
            "of at least five words are kept together, and the largest group has 6 documents. To allow duplicates in "
            "different splits: --duplicates keep"
        ]


@pytest.mark.parametrize(("shared", "duplicates"), [("SOCCER - REPORT .", "near"), ("one of five words here", "keep")])
def test_short_sentences_and_copies_that_are_kept_do_not_join_documents(tmp_path, shared, duplicates):
    source = write(tmp_path, documents(*many_documents(shared)))
    done = convert(source, tmp_path, split="40/30/30", by_document=True, duplicates=duplicates)
    assert [len(part) for part in parts_of_documents(tmp_path)] == [8, 6, 6]
    assert done.messages == []


def test_exact_copies_join_documents_and_near_ones_do_not_when_they_need_not(tmp_path):
    shared = [["one of five words here" + " more" * (i % 2), f"x{i} y{i} z{i} v{i} w{i}", "end ."] for i in range(8)]
    source = write(tmp_path, documents(*shared))
    convert(source, tmp_path, split="50/50", by_document=True, duplicates="exact")
    assert sorted(map(sorted, parts_of_documents(tmp_path))) == [[0, 2, 4, 6], [1, 3, 5, 7]]
    with pytest.raises(
        CorpusError,
        match="leave a split empty. .* together, and the largest group has 8 documents. .* --duplicates keep",
    ):
        convert(source, tmp_path, split="50/50", by_document=True)


def test_split_json_says_how_the_split_was_made_and_what_is_in_it(tmp_path):
    sentences = [[f"{letter} came", f"{letter} went home"] for letter in "abcdef"]
    content = documents(*sentences).replace("b B-per", "b B-geo")
    source = write(tmp_path, content, "six letters.conll")
    done = convert(
        source, tmp_path / "out", split="50/50", by_document=True, stratify=True, seed=1, limit=8, column=2, lang="de"
    )
    assert done.split_file == tmp_path / "out" / "split.json"
    text = done.split_file.read_text()
    record = json.loads(text)
    (train, dev), found = places(tmp_path / "out"), record.pop("parts")
    assert record == {
        "spacy_bert_ner": spacy_bert_ner.__version__,
        "again": "python -m spacy bert-ner convert 'six letters.conll' OUTPUT_DIR --split 50/50 --seed 1 "
        "--by-document --stratify --column 2 --limit 8 --lang de",
        "source": {
            "name": "six letters.conll",
            "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "format": "conll",
        },
        "split": "50/50",
        "seed": 1,
        "by_document": True,
        "stratify": True,
        "duplicates": "near",
        "limit": 8,
    }
    assert sorted(train + dev) == [*range(8)]
    expected = {}
    for name, part in (("train", train), ("dev", dev)):
        geo = sum(place in (2, 3) for place in part)
        expected[name] = {
            "file": f"{name}.spacy",
            "n_sentences": 4,
            "n_tokens": 10,
            "n_documents": 2,
            "entities": ({"geo": geo} if geo else {}) | {"per": 4 - geo},
            "places": part,
        }
        all_sentences = [sentence for pair in sentences for sentence in pair]
        assert texts(tmp_path / "out")[name] == [all_sentences[i] for i in part]
    assert found == expected
    assert f'"places": {train}\n' in text  # the list is on one line
    assert done.entities == {name: part["entities"] for name, part in expected.items()}


def test_the_command_in_split_json_makes_the_same_split(tmp_path):
    source = write(tmp_path, conll(SENTENCES, "I-per"), "ten.conll")
    convert(
        source, tmp_path / "a", split="50/20/30", seed=3, duplicates="keep", tag_scheme="IOB1", limit=9, spacing="none"
    )
    command = shlex.split(json.loads((tmp_path / "a" / "split.json").read_text())["again"])
    assert command[:5] == ["python", "-m", "spacy", "bert-ner", "convert"]
    arguments = [{"ten.conll": str(source), "OUTPUT_DIR": str(tmp_path / "b")}.get(word, word) for word in command[4:]]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    for file in ("train.spacy", "dev.spacy", "test.spacy", "split.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_command_in_split_json_takes_a_file_for_no_option(tmp_path):
    convert(write(tmp_path, conll(SENTENCES), "-a.conll"), tmp_path / "out", split="50/50")
    assert " convert ./-a.conll OUTPUT_DIR " in json.loads((tmp_path / "out" / "split.json").read_text())["again"]


def test_without_documents_their_number_is_unknown(tmp_path):
    convert(write(tmp_path, conll(SENTENCES)), tmp_path, split="50/50")
    parts = json.loads((tmp_path / "split.json").read_text())["parts"]
    assert [part["n_documents"] for part in parts.values()] == [None, None]


def test_without_a_split_there_is_no_split_json(tmp_path):
    done = convert(write(tmp_path, conll(SENTENCES)), tmp_path / "out")
    assert (done.split_file, done.entities) == (None, {"a": {"per": 10}})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.spacy"]


def test_of_a_folder_the_names_and_contents_of_its_files_count(tmp_path):
    folder = tmp_path / "brat"
    (folder / "b").mkdir(parents=True)
    for name, content in {"b/x.ann": "T1\tper 0 3\tAda", "a.txt": "Ada", "b/x.txt": "Ada"}.items():
        (folder / name).write_text(content)
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("a.txt", "b/x.ann", "b/x.txt")
    ]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert source_sha256(folder, []) == expected
    (folder / "train.spacy").write_text("written")
    assert source_sha256(folder, [folder / "train.spacy"]) == expected
    assert source_sha256(folder, []) != expected


@pytest.mark.process
def test_the_split_does_not_depend_on_the_seed_of_hashes(tmp_path):
    ways: list[dict[str, object]] = [{"by_document": True}, {"stratify": True}, {}]
    sentences = many_documents("one of five words here", 30)
    sentences[3][1], sentences[4][1] = "all rights are reserved .", "all rights are reserved . Next"
    source = write(tmp_path, documents(*sentences))
    code = (
        "import sys; from pathlib import Path; from spacy_bert_ner.corpus.convert import convert\n"
        f"for i, way in enumerate({ways}):\n"
        "    convert(Path(sys.argv[1]), Path(sys.argv[2]) / str(i), split='40/30/30', **way)"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(source), str(tmp_path / seed)], env=environment, check=True)
    for i, way in enumerate(ways):
        first, second = ({p.name: p.read_bytes() for p in (tmp_path / seed / str(i)).iterdir()} for seed in ("1", "2"))
        assert sorted(first) == ["dev.spacy", "split.json", "test.spacy", "train.spacy"]
        assert first == second, way


def test_the_command_prints_a_table_of_labels(tmp_path):
    sentences = [f"{letter} came" for letter in "abcdefghij"]
    source = write(tmp_path, conll(sentences).replace("i B-per", "i B-art"))
    arguments = ["convert", str(source), str(tmp_path), "--split", "80/10/10", "--duplicates", "exact"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert [line.split() for line in done.output.splitlines() if line][-5:] == [
        ["label", "train", "dev", "test"],
        ["---------", "-----", "---", "----"],
        ["per", "7", "1", "1"],
        ["art", "1", "0", "0"],
        ["sentences", "8", "1", "1"],
    ]
    assert "split.json: settings and content of the split" in " ".join(done.output.split())
    assert json.loads((tmp_path / "split.json").read_text())["duplicates"] == "exact"
