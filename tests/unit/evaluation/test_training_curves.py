"""Test the learning curves of a training run."""

import pytest

from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.evaluation.training_curves import read_log

LOG = """epoch,step,seconds,words,score,loss_bert_ner,ents_f,iob_acc,dev_loss_bert_ner,train_ents_f
0,0,1.5,0,0.1,,0.1,0.5,2.0,
1,50,3.0,900,0.4,1.25,0.4,0.75,1.0,0.5
"""


def test_curves_are_read_and_what_was_not_measured_is_left_out(tmp_path):
    (tmp_path / "log.csv").write_text(LOG)
    assert read_log(tmp_path / "log.csv") == {
        "loss": {"loss_bert_ner": [(50, 1.25)], "dev_loss_bert_ner": [(0, 2.0), (50, 1.0)]},
        "accuracy": {"iob_acc": [(0, 0.5), (50, 0.75)]},
        "F1": {"ents_f": [(0, 0.1), (50, 0.4)], "train_ents_f": [(50, 0.5)]},
    }


@pytest.mark.parametrize("text", ["", "step,loss_bert_ner\n", "step,acc\n1,0.5\n", "step,ents_f\n1,nan\n"])
def test_a_log_without_curves_is_none(tmp_path, text):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(BertNerError, match="is not a training log: it has no columns with loss, accuracy or F1"):
        read_log(tmp_path / "log.csv")


def test_a_mark_at_the_beginning_and_cells_beyond_the_header_are_let_be(tmp_path):
    (tmp_path / "log.csv").write_text("\ufeffstep,loss_bert_ner\n1,0.5,9\n2,0.4\n", encoding="utf8")
    assert read_log(tmp_path / "log.csv") == {"loss": {"loss_bert_ner": [(1, 0.5), (2, 0.4)]}}


def test_what_is_no_finite_number_is_left_out(tmp_path):
    (tmp_path / "log.csv").write_text("step,loss_bert_ner\n1,0.5\n2,nan\n3,inf\n4,1\n")
    assert read_log(tmp_path / "log.csv") == {"loss": {"loss_bert_ner": [(1, 0.5), (4, 1.0)]}}


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"step\nten\n",
        b"\xff\xfe\x00",
        b'step\n"' + b"x" * 200_000,
        b"step,a\n\n,1\n",
        b"step,ents_f\nnan,1\n",
    ],
)
def test_what_is_no_log_is_refused(tmp_path, content):
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(BertNerError, match=r"log.csv is not a training log: .*CsvLogger.v1"):
        read_log(tmp_path / "log.csv")


def test_a_folder_and_a_missing_file(tmp_path):
    with pytest.raises(BertNerError, match="is not a training log"):
        read_log(tmp_path)
    with pytest.raises(BertNerError, match="does not exist"):
        read_log(tmp_path / "other.csv")
