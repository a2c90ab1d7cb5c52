"""Test `spacy_bert_ner.CsvLogger.v1`, which writes one row per evaluation."""

import csv
import io

import numpy as np
import pytest
import spacy
from spacy import registry
from spacy.training.loop import train

from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.optim.training_plan import TrainingPlan
from spacy_bert_ner.training.console_logger import announced, make_console_logger_v1
from spacy_bert_ner.training.csv_logger import make_csv_logger_v1

INFO = {
    "epoch": 0,
    "step": 50,
    "seconds": 3,
    "words": 900,
    "score": 0.25,
    "losses": {"bert_ner": np.float32(1.5)},
    "other_scores": {
        "ents_f": 0.25,
        "speed": 100.5,
        "ents_per_type": {"per": {"f": 0.5}},
        "note": "none",
        "cats": None,
    },
    "checkpoints": [],
}
HEADER = "epoch,step,seconds,words,score,loss_bert_ner,ents_f,speed,ents_per_type_per_f"


def started(path, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner")
    out = io.StringIO()
    log_step, finalize = make_csv_logger_v1(path, **settings)(nlp, out, out)
    return log_step, finalize, out


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_an_evaluation(tmp_path):
    path = tmp_path / "new" / "log.csv"
    log_step, finalize, _ = started(str(path))
    assert not path.parent.exists()
    log_step(None)
    log_step(INFO)
    assert path.read_text().splitlines() == [HEADER, "0,50,3,900,0.25,1.5,0.25,100.5,0.5"]
    log_step(None)
    log_step(INFO | {"step": 100, "epoch": 1})
    # Rows are written without calling `finalize`, which a killed run does not reach.
    assert path.read_text().splitlines()[1:] == [
        "0,50,3,900,0.25,1.5,0.25,100.5,0.5",
        "1,100,3,900,0.25,1.5,0.25,100.5,0.5",
    ]
    finalize()
    assert [p.name for p in path.parent.iterdir()] == ["log.csv"]


def test_columns_that_come_later_and_scores_that_go_leave_rows_whole(tmp_path):
    path = tmp_path / "log.csv"
    log_step, _, _ = started(path, console=False)  # spaCy's console logger cannot print None
    scores = {"ents_f": None, "speed": 1.0, "ents_per_type": {"per": {"f": 0.5}, "a, b": {"f": 1.0}}}
    log_step(INFO)
    log_step(INFO | {"other_scores": scores})
    log_step(INFO | {"other_scores": {"ents_f": 0.5, "ents_per_type": None}})
    rows = rows_of(path)
    assert list(rows[0]) == [*HEADER.split(","), "ents_per_type_a, b_f"]
    assert [row["ents_per_type_a, b_f"] for row in rows] == ["", "1.0", ""]
    assert [row["ents_f"] for row in rows] == ["0.25", "", "0.5"]
    assert [row["loss_bert_ner"] for row in rows] == ["1.5"] * 3


def test_a_file_that_is_there_is_replaced_at_the_first_evaluation(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("of,another\n1,2\n")
    log_step, _, _ = started(path)
    assert path.read_text() == "of,another\n1,2\n"
    log_step(INFO)
    assert path.read_text().startswith(HEADER + "\n0,50")


def test_a_file_that_goes_away_begins_anew_with_its_header(tmp_path):
    path = tmp_path / "log.csv"
    log_step, _, _ = started(path)
    log_step(INFO)
    path.unlink()
    log_step(INFO)
    assert path.read_text().splitlines() == [HEADER, "0,50,3,900,0.25,1.5,0.25,100.5,0.5"]


@pytest.mark.parametrize("console", [True, False])
def test_the_console_shows_what_that_of_spacy_does(tmp_path, console):
    """Test that the console output is that of spaCy's logger, followed by the learning rate as soon as there is one."""
    log_step, _, out = started(tmp_path / "log.csv", console=console)
    log_step(INFO)
    nlp, theirs = spacy.blank("en"), io.StringIO()
    nlp.add_pipe("bert_ner")
    registry.loggers.get("spacy.ConsoleLogger.v3")()(nlp, theirs, theirs)[0](INFO)
    assert "LOSS BERT_NER" in theirs.getvalue()
    cells = ["       RATE", "  ---------", "  "]
    lines = [line + cell for line, cell in zip(theirs.getvalue().splitlines(), cells, strict=True)]
    assert out.getvalue().splitlines() == (lines if console else [])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": ""}, "path = '' is invalid. Allowed: a file path, such as path = \"training/log.csv\""),
        ({"path": None}, "path = None is invalid. Allowed: a file path, such as"),
        ({"path": "."}, "path = '.' is invalid. Allowed: a file path, such as"),
        ({"path": "a", "console": "yes"}, "console = 'yes' is invalid. Allowed: true, false"),
        ({"path": "a", "progress_bar": 1}, "progress_bar = 1 is invalid. Allowed: true, false"),
        (
            {"path": "a", "progress_bar": True, "console": False},
            "progress_bar = True .*Allowed: false if console = ",
        ),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ConfigError, match=r"\[training.logger\] " + message):
        make_csv_logger_v1(**settings)


def test_spacy_trains_with_it(make_nlp, examples, tmp_path):
    nlp = make_nlp()
    nlp.config["training"] |= {
        "max_steps": 4,
        "eval_frequency": 2,
        "logger": {"@loggers": "spacy_bert_ner.CsvLogger.v1", "path": str(tmp_path / "log.csv")},
        "train_corpus": "corpora.train",
        "dev_corpus": "corpora.dev",
    }
    registry.readers("tests.examples.v1", func=lambda: lambda nlp: iter(examples))
    nlp.config["corpora"] = {part: {"@readers": "tests.examples.v1"} for part in ("train", "dev")}
    nlp.initialize(lambda: examples)
    train(nlp, stdout=io.StringIO(), stderr=io.StringIO())
    rows = rows_of(tmp_path / "log.csv")
    assert [row["step"] for row in rows] == ["0", "2", "4"]
    assert all(float(row["loss_bert_ner"]) > 0 for row in rows)
    assert [row["learn_rate"] for row in rows] == ["0.001"] * 3  # the default of AdamW for an encoder with this width
    assert {"ents_f", "iob_acc", "iob_doc_acc", "ents_per_type_per_f", "words"} <= rows[0].keys()


def test_the_console_logger_says_how_long_the_training_is_and_the_rate_of_each_row():
    nlp, out = spacy.blank("en"), io.StringIO()
    pipe = nlp.add_pipe("bert_ner")
    pipe.plan = TrainingPlan(max_steps=500, eval_frequency=600, n_examples=800, epoch_steps=50)
    log_step, finalize = make_console_logger_v1()(nlp, out, out)
    pipe.learn_rate = 0.000125
    log_step(None)
    log_step(INFO)
    finalize()
    lines = out.getvalue().splitlines()
    assert "Steps: 500, or 10.0 epochs of 50 batches (800 examples)" in lines[0]
    assert "eval_frequency = 600 evaluates only the first step" in " ".join(lines[1:-3])
    assert [line.split()[-1] for line in lines[-3:]] == ["RATE", "---------", "1.25e-04"]


def test_it_does_not_say_it_where_the_loop_has():
    nlp, out = spacy.blank("en"), io.StringIO()
    nlp.add_pipe("bert_ner").plan = TrainingPlan(max_steps=500, eval_frequency=50)
    with announced():
        make_console_logger_v1()(nlp, out, out)
    assert "500" not in out.getvalue()


def test_its_setting_is_checked():
    with pytest.raises(ConfigError, match=r"\[training.logger\] progress_bar = 1 is invalid. Allowed: true, false"):
        make_console_logger_v1(progress_bar=1)
