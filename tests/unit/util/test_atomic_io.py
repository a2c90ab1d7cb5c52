import os
import platform
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spacy_bert_ner.util import atomic_io as files
from spacy_bert_ner.util.atomic_io import atomic_files, atomic_folder


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_appears_only_when_the_block_has_ended(tmp_path):
    with atomic_folder(tmp_path / "parent" / "model") as folder:
        (folder / "config.json").write_text("{}")
        assert not (tmp_path / "parent" / "model").exists()
        assert folder.parent == tmp_path / "parent"  # on the same file system, so the rename is atomic
    assert contents(tmp_path) == {"parent/model/config.json": "{}"}
    assert names(tmp_path / "parent") == ["model"]


def test_a_folder_replaces_all_that_was_there(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("old")
    (tmp_path / "model" / "pytorch_model.bin").write_text("old")
    with atomic_folder(tmp_path / "model") as folder:
        (folder / "config.json").write_text("new")
        (folder / "onnx").mkdir()
        (folder / "onnx" / "model.onnx").write_text("new")
    assert contents(tmp_path) == {"model/config.json": "new", "model/onnx/model.onnx": "new"}
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_folder_and_no_temporary_one(tmp_path, exception):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("old")
    with pytest.raises(exception, match="disk full"), atomic_folder(tmp_path / "model") as folder:
        (folder / "config.json").write_text("half")
        raise exception("disk full")
    assert contents(tmp_path) == {"model/config.json": "old"}
    assert names(tmp_path) == ["model"]


def test_an_exception_leaves_no_folder_where_none_was(tmp_path):
    with pytest.raises(ValueError, match="disk full"), atomic_folder(tmp_path / "model") as folder:
        (folder / "config.json").write_text("half")
        raise ValueError("disk full")
    assert names(tmp_path) == []


def test_a_folder_and_its_files_are_open_to_every_reader(tmp_path):
    with atomic_folder(tmp_path / "model") as folder:
        (folder / "model.safetensors").write_text("weights")
        (folder / "model.safetensors").chmod(0o600)
        (folder / "vocab").mkdir()
        (folder / "vocab" / "key2row").write_text("")
        (folder / "vocab" / "key2row").chmod(0o600)
    assert mode(tmp_path / "model") == 0o755
    assert mode(tmp_path / "model" / "model.safetensors") == 0o644
    assert mode(tmp_path / "model" / "vocab" / "key2row") == 0o644


def test_files_appear_only_when_the_block_has_ended(tmp_path):
    with atomic_files(tmp_path / "parent" / "corpus", ["train.spacy", "dev.spacy"]) as (train, dev):
        train.write_text("train")
        dev.write_text("dev")
        assert not (tmp_path / "parent" / "corpus" / "train.spacy").exists()
        assert train.parent == tmp_path / "parent" / "corpus"
    assert contents(tmp_path) == {"parent/corpus/dev.spacy": "dev", "parent/corpus/train.spacy": "train"}


def test_files_replace_those_of_the_same_name_and_no_others(tmp_path):
    for name in ("train.spacy", "dev.spacy", "test.spacy"):
        (tmp_path / name).write_text("old")
    with atomic_files(tmp_path, ["train.spacy", "dev.spacy"]) as temporary:
        for path in temporary:
            path.write_text("new")
    assert contents(tmp_path) == {"dev.spacy": "new", "test.spacy": "old", "train.spacy": "new"}


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("n_written", [0, 1, 2])
def test_an_exception_leaves_the_old_files_and_no_temporary_ones(tmp_path, exception, n_written):
    (tmp_path / "train.spacy").write_text("old")
    with (
        pytest.raises(exception, match="disk full"),
        atomic_files(tmp_path, ["train.spacy", "dev.spacy"]) as temporary,
    ):
        for path in temporary[:n_written]:
            path.write_text("half")
        raise exception("disk full")
    assert contents(tmp_path) == {"train.spacy": "old"}


def test_a_file_that_was_not_written_leaves_the_old_files(tmp_path):
    (tmp_path / "train.spacy").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_files(tmp_path, ["train.spacy", "dev.spacy"]) as (train, _):
        train.write_text("new")
    assert contents(tmp_path) == {"train.spacy": "old"}


def test_files_of_a_killed_process_are_removed_and_no_others(tmp_path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    orphan = f".train.spacy.{platform.node()}.{gone.stdout.strip()}.tmp"
    kept = [
        f".train.spacy.{platform.node()}.{os.getppid()}.tmp",  # belongs to a running process
        orphan.replace(platform.node(), "elsewhere"),
        orphan.replace("train", "test"),
        orphan.removesuffix(".tmp"),
        f".train.spacy.{platform.node()}.x.tmp",
    ]
    for name in (orphan, *kept):
        (tmp_path / name).write_text("half")
    with atomic_files(tmp_path, ["train.spacy"]) as (train,):
        assert names(tmp_path) == sorted(kept)
        train.write_text("train")
    assert names(tmp_path) == sorted([*kept, "train.spacy"])


def test_files_are_open_to_every_reader(tmp_path):
    with atomic_files(tmp_path, ["train.spacy"]) as (train,):
        train.write_text("train")
    assert mode(tmp_path / "train.spacy") == 0o644


def test_a_folder_that_cannot_be_renamed_leaves_the_old_one(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("old")
    rename = Path.rename

    def fail(self, target):
        if target == folder and not self.name.endswith(".old"):
            raise OSError("busy")
        return rename(self, target)

    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="busy"), atomic_folder(folder) as temporary:
        (temporary / "config.json").write_text("new")
    assert contents(tmp_path) == {"model/config.json": "old"}


def test_a_link_to_a_folder_is_replaced_and_its_target_left(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "model").symlink_to(tmp_path / "target")
    with atomic_folder(tmp_path / "model") as temporary:
        (temporary / "config.json").write_text("new")
    assert contents(tmp_path) == {"model/config.json": "new"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "target"]


@pytest.mark.parametrize("exchanges", [True, False])
def test_whatever_has_the_name_is_replaced(tmp_path, monkeypatch, exchanges):
    """Test systems that can exchange names atomically and systems that cannot."""
    if not exchanges:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    (tmp_path / "model").write_text("a file")
    for content in ("new", "newer"):
        with atomic_folder(tmp_path / "model") as temporary:
            (temporary / "config.json").write_text(content)
        assert contents(tmp_path) == {"model/config.json": content}


@pytest.mark.skipif(sys.platform != "linux", reason="others have no such call, or another")
def test_folders_exchange_their_names_in_one_step(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    assert files._exchange(tmp_path / "one", tmp_path / "other")
    assert contents(tmp_path) == {"one/file": "other", "other/file": "one"}
    assert not files._exchange(tmp_path / "one", tmp_path / "missing")


def test_folders_of_a_killed_process_are_removed_and_no_others(tmp_path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    orphan = f".model.{platform.node()}.{gone.stdout.strip()}.abc_12.tmp"
    kept = [orphan.replace(gone.stdout.strip(), str(os.getppid())), f"{orphan}.old", orphan.replace("model", "other")]
    for name in (orphan, *kept):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text("half")
    with atomic_folder(tmp_path / "model") as temporary:
        (temporary / "config.json").write_text("new")
    assert names(tmp_path) == sorted([*kept, "model"])


def test_no_file_is_replaced_where_one_cannot_be(tmp_path):
    (tmp_path / "train.spacy").write_text("old")
    (tmp_path / "dev.spacy").mkdir()
    with (
        pytest.raises(IsADirectoryError, match="is a folder, so no file with that name can be written"),
        atomic_files(tmp_path, ["train.spacy", "dev.spacy"]) as temporary,
    ):
        for path in temporary:
            path.write_text("new")
    assert contents(tmp_path) == {"train.spacy": "old"}
