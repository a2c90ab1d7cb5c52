import json
import subprocess
import sys
import zipfile
from argparse import Namespace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import spacy
from benchmark_scripts import BENCHMARKS, load
from spacy.cli._util import parse_config_overrides
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import load_config, load_model_from_config

pytestmark = pytest.mark.benchmark

train, report, ways = load("train"), load("train_report"), load("train_ways")
environments = load("environments")
VOCAB = spacy.blank("en").vocab


def tagged(words: str, tags: str) -> Doc:
    return Doc(VOCAB, words=words.split(), ents=tags.split())


def made_up_run(way: str, seed: int, seconds: float, f1: float, **changed: object) -> dict[str, object]:
    scores = {"ents_p": 0.5, "ents_r": 0.5, "ents_f": f1, "iob_acc": 0.9, "iob_doc_acc": 0.91, "labels": {"per": f1}}
    run = {"corpus": "gmb1000", "way": way, "seed": seed, "steps": 500, "seconds": seconds, "peak_mb": 1500}
    return {**run, "scores": {"test": scores}, **changed}


@pytest.fixture
def examples() -> list[Example]:
    words = "Ann Lee met Bob in Rome ."
    gold = tagged(words, "B-per I-per O B-per O B-geo O")
    return [
        # "Ann" is too short, "Bob" is correct, "Rome" has the wrong label: 1 correct, 2 spurious, 2 missed
        Example(tagged(words, "B-per O O B-per O B-org O"), gold),
        # no predicted entities
        Example(tagged(words, "O O O O O O O"), gold),
        # The pipeline has its own tokens. "Rome." with the full stop differs from "Rome".
        Example(Doc(VOCAB, words=["Rome.", "Bob"], ents=["B-geo", "B-per"]), tagged("Rome . Bob", "B-geo O B-per")),
        Example(tagged("No one", "O O"), tagged("No one", "O O")),
    ]


def test_counts_of_each_sentence(examples: list[Example]) -> None:
    assert report.entity_counts(examples).tolist() == [[1, 2, 2], [0, 0, 3], [1, 1, 1], [0, 0, 0]]


def test_labels_that_are_taken_for_one(examples: list[Example]) -> None:
    """Test that "Rome" counts as correct if its predicted label and its gold label are treated as one label."""
    assert report.entity_counts(examples, ["org", "geo"]).tolist() == [[2, 1, 1], [0, 0, 3], [1, 1, 1], [0, 0, 0]]


def test_f1_of_counts_is_that_of_spacy(examples: list[Example]) -> None:
    """Test with 2 correct, 3 spurious and 6 missed entities, so F1 is 4 / 13."""
    f1 = report.micro_f1(report.entity_counts(examples).sum(0))
    assert f1 == pytest.approx(4 / 13)
    assert f1 == pytest.approx(get_ner_prf(examples)["ents_f"])


def test_f1_of_nothing_is_0() -> None:
    assert report.micro_f1(np.zeros((2, 3))).tolist() == [0.0, 0.0]


def test_a_way_that_is_always_better_has_its_interval_above_0() -> None:
    better = np.tile([2, 0, 0], (2, 30, 1))  # two runs with F1 1
    worse = np.tile([1, 1, 1], (3, 30, 1))  # three runs with F1 2 / 4 in every resample
    assert report.paired_bootstrap(better, worse, 500) == pytest.approx((0.5, 0.5, 0.5))
    assert report.paired_bootstrap(worse, better, 500) == pytest.approx((-0.5, -0.5, -0.5))


def test_equal_predictions_differ_by_exactly_0() -> None:
    counts = np.random.default_rng(1).integers(4, size=(2, 30, 3))
    assert report.paired_bootstrap(counts, counts, 500) == (0.0, 0.0, 0.0)


def test_interval_of_two_sentences() -> None:
    """Test an interval for two ways that differ only in the first sentence.

    The first sentence is drawn 0, 1 or 2 times in 1/4, 1/2 and 1/4 of the resamples. The first way then finds 0, 1 or 2
    of 2 entities, and the second finds none. The F1 differences are 0, 2/3 and 1.
    """
    a, b = np.array([[[1, 0, 0], [0, 0, 1]]]), np.array([[[0, 0, 1], [0, 0, 1]]])
    assert report.paired_bootstrap(a, b, 2000) == pytest.approx((2 / 3, 0.0, 1.0))


def test_runs_are_averaged_before_the_difference() -> None:
    """Test that F1 values of 1 and 0 are averaged to 0.5. The F1 of their summed counts would be 2 / 3."""
    a, b = np.array([[[1, 0, 0]], [[0, 0, 1]]]), np.array([[[0, 0, 1]]])
    assert report.paired_bootstrap(a, b, 10) == (0.5, 0.5, 0.5)


def test_ways_take_turns() -> None:
    names = ["a", "b", "c"]
    turns = ["".join(train.rotated(names, turn)) for turn in range(4)]
    assert turns == ["abc", "bca", "cab", "abc"]
    assert names == ["a", "b", "c"]


def test_a_way_without_its_config_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "here.cfg").touch()
    known = {"loop": train.Way(), "here": train.Way(tmp_path / "here.cfg"), "not": train.Way(tmp_path / "not.cfg")}
    assert train.offered(known) == ["loop", "here"]


@pytest.fixture
def options(tmp_path: Path) -> Namespace:
    names = ["article", "plain loop", "bert_ner"]
    return Namespace(work=tmp_path, seeds=[0, 1], corpora=["gmb1000", "wnut17"], ways=names, jobs=1)


def test_goes_on_where_it_was(options: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that a benchmark that stopped in the middle of a line resumes.

    Complete runs are not repeated, a failed run is repeated once, and the article's code does not run on WNUT.
    """
    done = json.dumps(made_up_run("plain loop", 0, 1.0, 0.7))
    (options.work / "runs.jsonl").write_text(f'{done}\n{{"corpus": "gmb1000", "way": "ber')
    (options.work / "running-abc" / "model").mkdir(parents=True)
    ran = []

    def run(corpus: str, name: str, seed: int, _: Namespace) -> dict[str, object]:
        ran.append((corpus, name, seed))
        if len(ran) == 2:
            raise train.ChildError("out of memory")
        return made_up_run(name, seed, 1.0, 0.7, corpus=corpus)

    monkeypatch.setattr(train, "run", run)
    assert train.run_all(options) == 1
    failed = ("gmb1000", "bert_ner", 0)
    expected = [
        *[("gmb1000", "article", 0), failed],
        *[("wnut17", "plain loop", 0), ("wnut17", "bert_ner", 0)],
        *[("gmb1000", "plain loop", 1), ("gmb1000", "bert_ner", 1), ("gmb1000", "article", 1)],
        *[("wnut17", "plain loop", 1), ("wnut17", "bert_ner", 1)],
    ]
    assert ran == expected
    kept = [(r["corpus"], r["way"], r["seed"]) for r in train.read_runs(options.work / "runs.jsonl")]
    assert not (options.work / "running-abc").exists()
    assert kept == [("gmb1000", "plain loop", 0), *(key for key in expected if key != failed)]
    ran.clear()
    assert train.run_all(options) == 0
    assert ran == [failed]


def test_two_jobs_run_at_a_time(options: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that the first run waits for the second, so both must be running at the same time."""
    options.jobs, options.seeds, options.corpora, options.ways = 2, [0], ["wnut17"], ["plain loop", "bert_ner"]
    both = Barrier(2, timeout=60)

    def run(corpus: str, name: str, seed: int, _: Namespace) -> dict[str, object]:
        both.wait()
        return made_up_run(name, seed, 1.0, 0.7, corpus=corpus)

    monkeypatch.setattr(train, "run", run)
    assert train.run_all(options) == 0
    kept = {(r["corpus"], r["way"]) for r in train.read_runs(options.work / "runs.jsonl")}
    assert kept == {("wnut17", "plain loop"), ("wnut17", "bert_ner")}
    assert train.run_all(options) == 0  # no runs are left


def test_tests_of_a_part_of_gmb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that sentences 1 to 10 are split and that the second test set contains only sentences 13 and 14."""
    rows = ["Sentence #,Word,POS,Tag", *(f"Sentence: {i},word{i},NN,O" for i in range(1, 16))]
    with zipfile.ZipFile(tmp_path / "ner_dataset.csv.zip", "w") as archive:
        archive.writestr("ner_dataset.csv", "\n".join(rows) + "\n")
    setting = train.Setting(1, ("test", "far"), ("ner_dataset.csv.zip",), (10, 12, 14))
    monkeypatch.setitem(train.CORPORA, "choices", setting)
    train.convert_corpus("choices", tmp_path, tmp_path / "out", limit=0)
    parts = {
        part: [doc.text for doc in train.read_docs(tmp_path / "out" / f"{part}.spacy")] for part in ("far", "test")
    }
    assert parts["far"] == ["word13", "word14"]
    assert len(parts["test"]) == 1
    assert set(parts["test"]) < {f"word{i}" for i in range(1, 11)}


def test_choices_are_made_on_sentences_of_no_other_table() -> None:
    spans = {name: setting.gmb[1:] for name, setting in train.CORPORA.items() if setting.gmb[0] == 1000}
    assert spans == {"gmb1000": (1000, 6000), "choices": (6000, 8000)}


def test_rows_of_the_report() -> None:
    runs = [
        made_up_run("plain loop", 0, 100.0, 0.70),
        made_up_run("bert_ner", 0, 80.0, 0.72),
        made_up_run("bert_ner", 1, 90.0, 0.76, peak_mb=1700),
        made_up_run("plain loop", 1, 120.0, 0.70),
        made_up_run("bert_ner", 2, 400.0, 0.77),  # the plain loop has no run with this seed
    ]
    plain, own = report.summarize(runs)
    assert (plain["way"], plain["seeds"], own["way"], own["seeds"]) == ("plain loop", [0, 1], "bert_ner", [0, 1, 2])
    assert own["tests"]["test"]["ents_f"] == {"mean": pytest.approx(0.75), "sd": pytest.approx(0.0264575)}
    assert own["tests"]["test"]["labels"] == {"per": pytest.approx(0.75)}
    assert own["seconds"] == {"median": 90.0, "min": 80.0, "max": 400.0}
    ratio = {"median": pytest.approx(0.775), "min": pytest.approx(0.75), "max": pytest.approx(0.8)}
    assert own["ratios"] == {"plain loop": ratio, "spacy-transformers": None}
    assert own["peak_mb"] == 1500


def test_tables_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [made_up_run("plain loop", s, 100.0, 0.7) for s in (0, 1)]
    runs += [made_up_run("bert_ner", s, 80.0, 0.72) for s in (1, 2)]
    right, wrong = np.tile([1, 0, 0], (20, 1)), np.tile([0, 0, 1], (20, 1))
    counts = {("gmb1000", "bert_ner", s, "test"): right for s in (1, 2)}
    counts |= {("gmb1000", "plain loop", s, "test"): wrong for s in (0, 1)}
    differences = report.compare(runs, counts)
    about = {"corpus": "gmb1000", "test": "test", "way": "bert_ner", "minus": "plain loop", "seeds": [1]}
    assert differences == [{**about, "difference": 1.0, "low": 1.0, "high": 1.0}]
    report.print_report(report.summarize(runs), differences)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "bert_ner 2 0.7200 ± 0.0000 0.9100 80 (80-80) 0.80 (0.80-0.80) - 1500" in lines
    assert "gmb1000 test bert_ner - plain loop 1 +100.0 +100.0 to +100.0" in lines


def test_a_changed_setting_is_set_beside_ours() -> None:
    way = "bert_ner, tokens, balanced"
    command = train.training_command(way, "python", Path("corpus"), Path("out"), 3, 500, "encoder")
    assert command[command.index("--components.bert_ner.class_weights") + 1] == "balanced"
    assert str(train.FAST) in command
    assert command[command.index("--components.bert_ner.objective") + 1] == "tokens"
    ways = ("plain loop", "bert_ner", "bert_ner, tokens", way)
    runs = [made_up_run(way, 1, 80.0, 0.72) for way in ways]
    counts = {("gmb1000", run["way"], 1, "test"): np.tile([1, 0, 0], (20, 1)) for run in runs}
    pairs = [(d["way"], d["minus"], d["difference"]) for d in report.compare(runs, counts)]
    assert pairs == [
        ("bert_ner", "plain loop", 0.0),
        ("bert_ner, tokens", "bert_ner", 0.0),
        (way, "bert_ner", 0.0),
        (way, "bert_ner, tokens", 0.0),
    ]


def test_f1_by_label(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_report(report.summarize([made_up_run("bert_ner", 0, 80.0, 0.72)]), [])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "F1, test per" in lines
    assert "bert_ner 0.720" in lines


def test_changed_settings_run_where_they_are_named() -> None:
    ways = train.make_parser().parse_args(["--work", "w"]).ways
    assert "bert_ner" in ways
    assert not any("," in way for way in ways)


def test_peak_memory_is_that_of_the_process(tmp_path: Path) -> None:
    """Test that the peak excludes the parent process, which uses hundreds of megabytes for torch alone."""
    held = np.ones(40_000_000)  # allocates 320 MB
    result = tmp_path / "result.json"
    measure = [sys.executable, "-S", str(BENCHMARKS / "measure.py"), str(result)]
    subprocess.run([*measure, sys.executable, "-S", "-c", "x = b'a' * 100_000_000"], check=True)
    measured = json.loads(result.read_text())
    assert 100 < measured["peak_mb"] < 200 < held.nbytes / 1024**2
    assert 0 < measured["seconds"] < 60
    assert subprocess.run([*measure, sys.executable, "-S", "-c", "raise SystemExit(3)"]).returncode == 3


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os, sys; sys.exit('offline: ' + os.environ['HF_HUB_OFFLINE'])"]
    with pytest.raises(train.ChildError, match="offline: 1\nExit status 1 from"):
        train.run_child(command, tmp_path / "log.txt", clean=False)


def test_children_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.os, "cpu_count", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    command = [sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"]
    for jobs in (1, 2, 8):
        train.run_child(command, tmp_path / "log.txt", clean=False, jobs=jobs)
    assert (tmp_path / "log.txt").read_text().split() == ["3", "2", "1"]


def test_a_child_of_another_environment_finds_none_of_our_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    command = [sys.executable, "-c", "import os; print(os.environ.get('PYTHONPATH'))"]
    train.run_child(command, tmp_path / "log.txt", clean=True)
    train.run_child(command, tmp_path / "log.txt", clean=False)
    assert (tmp_path / "log.txt").read_text() == "None\n/ours\n"


def test_a_child_does_not_run_where_packages_may_lie(tmp_path: Path) -> None:
    """Test the working folder of a child process. `python -m spacy` would import packages from its working folder."""
    train.run_child([sys.executable, "-c", "import os; print(os.getcwd())"], tmp_path / "log.txt", clean=True)
    assert (tmp_path / "log.txt").read_text().strip() == str(tmp_path.resolve())


def test_a_corpus_that_is_not_there(tmp_path: Path) -> None:
    options = Namespace(corpora=["gmb1000"], data=tmp_path, encoder=str(tmp_path))
    with pytest.raises(
        SystemExit, match=r"no corpus at .*ner_dataset.csv.zip. Download it: python -m spacy project assets"
    ):
        train.check_input(options)


def test_what_spacy_train_is_told() -> None:
    """Test that our config keeps its own warm-up steps, and that the warm-up for `spacy-transformers` is set."""
    command = train.training_command("bert_ner", "python", Path("corpus"), Path("out"), 3, 500, "encoder")
    for name, value in {"training.max_steps": 500, "training.eval_frequency": 50, "system.seed": 3}.items():
        assert command[command.index(f"--{name}") + 1] == str(value)
    assert command[command.index("--components.bert_ner.model.name") + 1] == "encoder"
    assert "--training.optimizer.learn_rate.warmup_steps" not in command
    other = train.training_command("spacy-transformers", "python", Path("corpus"), Path("out"), 3, 1060, "encoder")
    assert other[other.index("--training.optimizer.learn_rate.warmup_steps") + 1] == "106"
    assert other[other.index("--components.transformer.model.name") + 1] == "encoder"


def nested(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config.get(name)
    return config


@pytest.mark.parametrize("change", train.CHANGED)
def test_every_changed_setting_is_one_that_a_config_may_have(change: str) -> None:
    command = train.training_command(f"bert_ner, {change}", "python", Path("corpus"), Path("out"), 3, 500, "encoder")
    overrides = parse_config_overrides(command[command.index("--output") + 2 :])
    plain, config = load_config(train.FAST), load_config(train.FAST, overrides=overrides)
    for key, value in train.CHANGED[change].items():
        if key != "components.bert_ner.objective" or change == "tokens":
            assert nested(plain, key) != value
    load_model_from_config(config, auto_fill=True)  # no file has been read yet
    assert {key: overrides[key] for key in train.CHANGED[change]} == train.CHANGED[change]


@pytest.mark.parametrize("way", ["article", "plain loop"])
def test_a_loop_trains_and_predicts(encoder: Path, tmp_path: Path, way: str) -> None:
    """Test one training step per loop. It shows that the loops run and keep the corpus words and labels."""
    docs = [tagged("Kevin Durant plays .", "B-per I-per O O"), tagged("The hour-long talks .", "O O O O")]
    for part in ("train", "dev", "test"):
        DocBin(docs=docs).to_disk(tmp_path / f"{part}.spacy")
    ways.LOOPS[way](str(encoder), tmp_path, tmp_path / "model", seed=0, steps=1, every=1)
    (tmp_path / "predicted").mkdir()
    ways.predict(tmp_path / "model" / "model-best", [tmp_path / "test.spacy"], tmp_path / "predicted")
    predicted = train.read_docs(tmp_path / "predicted" / "test.spacy")
    assert [doc.text for doc in predicted] == ["Kevin Durant plays . ", "The hour-long talks . "]
    assert {ent.label_ for doc in predicted for ent in doc.ents} <= {"per"}


def test_targets_of_split_words(encoder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    docs = [tagged("Durant plays", "B-per O"), tagged("hour-long", "O")]
    inputs, firsts = ways.encode(tokenizer, docs)
    targets = ways.make_targets(inputs, firsts, docs, {"O": 0, "B-per": 1}).tolist()
    for row, words in enumerate((("Durant", "plays"), ("hour-long",))):
        pieces = [len(tokenizer(word, add_special_tokens=False)["input_ids"]) for word in words]
        tags = [1, 0] if row == 0 else [0]
        spelled = [-100]
        for tag, n in zip(tags, pieces, strict=True):
            spelled += [tag, *[-100] * (n - 1)]
        assert targets[row] == spelled + [-100] * (len(targets[row]) - len(spelled))


def test_the_environment_is_made_once_and_again_if_it_was_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    codes = [0, 1, 0, 0]  # `pip` fails the first time

    def run(command: list[str], **_: object) -> Namespace:
        commands.append(command)
        return Namespace(returncode=codes[len(commands) - 1])

    def make() -> Path:
        return environments.make_environment(tmp_path, "spacy-transformers==1.4.0", "transformers==4.53.2")

    monkeypatch.setattr(environments.subprocess, "run", run)
    monkeypatch.setattr(
        environments, "version", {"torch": "2.13.0+cpu", "spacy": "3.8.18", "thinc": "8.3.14"}.__getitem__
    )
    folder = tmp_path / "spacy-transformers-1.4.0-torch-2.13.0-spacy-3.8.18"
    folder.mkdir()  # as `venv` does
    with pytest.raises(SystemExit, match="pip install"):
        make()
    assert make() == make() == folder / "bin" / "python"
    assert len(commands) == 4
    assert commands[3][5:] == [
        "torch==2.13.0",
        "spacy==3.8.18",
        "thinc==8.3.14",
        "spacy-transformers==1.4.0",
        "transformers==4.53.2",
    ]
