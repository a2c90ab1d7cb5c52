"""Hugging Face datasets on disk: a folder that `save_to_disk` wrote, or a file of Arrow or Parquet.

Read batch by batch: memory grows with the longest batch of an Arrow file, or row group of a Parquet file, alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ...errors import CorpusError, Errors
from ..sentence import Invalid, Sentence
from .dataset_row import DOCUMENT, SPACES, Columns, find_columns, has_tags, sentence_of

_MAGIC = {b"PAR1": "parquet", b"ARRO": "file", b"\xff\xff\xff\xff": "stream"}
"""First bytes, and how what they begin is read. `save_to_disk` writes streams."""
_SPLITS, _STATE, _INFO = "dataset_dict.json", "state.json", "dataset_info.json"
_BATCH = 1000


def is_dataset(path: Path) -> bool:
    """Whether it is a folder as `save_to_disk` writes them, or begins as Arrow or Parquet do."""
    if path.is_dir():
        return any((path / name).is_file() for name in (_SPLITS, _STATE, _INFO))
    return path.is_file() and _magic(path) in _MAGIC


def read(path: Path, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read words and tags, and `spaces` and `document` if they are there; for their names see `tokens`. Where the tags
    are numbers, the schema names them, as the `datasets` library writes it, or `dataset_info.json` beside it.

    document_key: the column that names the document of a row, instead of `document`.
    """
    try:
        import pyarrow
    except ImportError as e:
        raise CorpusError(Errors.no_pyarrow.format(path=path)) from e
    row = 0
    key = document_key or DOCUMENT
    for file in _files(path):
        try:
            with ExitStack() as stack:
                schema, batches = _open(file, stack)
                features = (_features(schema), _json(file.parent / _INFO).get("features"))
                columns = _find_columns(file, schema, features)
                _check_types(file, schema, columns)
                if document_key is not None and schema.names.count(document_key) != 1:
                    found = ", ".join(schema.names)
                    raise CorpusError(Errors.no_document_column.format(path=file, key=document_key, found=found))
                names = _names(features, columns.tags)
                for batch in batches(_once(schema, *columns, SPACES, key)):
                    for cells in _rows(batch):
                        row += 1
                        try:
                            if cells[columns.words] != []:
                                yield sentence_of(path, "row", row, cells, names, columns, key)
                        except CorpusError as e:
                            yield Invalid(e)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as e:
            raise CorpusError(Errors.bad_dataset.format(path=file, reason=" ".join(str(e).split())[:200])) from e


def _files(path: Path) -> list[Path]:
    """The files of a dataset, in the order of its rows."""
    if not path.is_dir():
        return [path]
    if (path / _SPLITS).is_file():
        splits = sorted(folder.name for folder in path.iterdir() if folder.is_dir())
        example = path / (splits[0] if splits else "train")
        raise CorpusError(Errors.dataset_splits.format(path=path, found=", ".join(splits) or "none", example=example))
    listed = _json(path / _STATE).get("_data_files")
    if isinstance(listed, list) and all(isinstance(file, dict) and "filename" in file for file in listed):
        files = [path / Path(str(file["filename"])).name for file in listed]
    else:
        files = sorted(path.glob("*.arrow"))
    found = set(path.iterdir())  # not asked one by one: a name may be longer than the system takes
    missing = [file.name for file in files if file not in found or not file.is_file()]
    if missing or not files:
        raise CorpusError(Errors.dataset_files.format(path=path, missing=", ".join(missing) or "*.arrow"))
    return files


def _magic(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _open(file: Path, stack: ExitStack) -> tuple[Any, Callable[[list[str]], Iterator[Any]]]:
    """The schema of a file, and its record batches of some of the columns, which can be read once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = _MAGIC.get(_magic(file))
    if kind == "parquet":
        parquet = stack.enter_context(pq.ParquetFile(file, pre_buffer=False))
        return parquet.schema_arrow, lambda names: parquet.iter_batches(batch_size=_BATCH, columns=names)
    opened = stack.enter_context(pa.OSFile(str(file)))
    if kind == "file":
        reader = pa.ipc.open_file(opened)
        numbers = range(reader.num_record_batches)
        return reader.schema, lambda names: (reader.get_batch(i).select(names) for i in numbers)
    stream = pa.ipc.open_stream(opened)
    return stream.schema, lambda names: (batch.select(names) for batch in stream)


def _rows(batch: Any) -> list[dict[str, Any]]:
    batch.validate(full=True)  # Arrow takes offsets in a file at their word, and reads what is there
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _once(schema: Any, *names: str) -> list[str]:
    """Those of the columns that are there. Of two with one name neither is."""
    return [name for name in names if schema.names.count(name) == 1]


def _find_columns(file: Path, schema: Any, features: tuple[Any, Any]) -> Columns:
    """The columns of the words and the tags."""

    def holds_tags(name: str) -> bool:
        if names := _names(features, name):
            return has_tags([], names)
        with ExitStack() as stack:
            _, batches = _open(file, stack)
            first = next(iter(batches([name])), None)
            return first is not None and has_tags(row[name] for row in _rows(first))

    return find_columns(file, _once(schema, *dict.fromkeys(schema.names)), holds_tags)


def _check_types(file: Path, schema: Any, columns: Columns) -> None:
    """Refuse columns of other types than lists of strings, and, of tags, of integers."""
    from pyarrow import types

    for name in columns:
        type = schema.field(name).type
        is_list = types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type)
        value = type.value_type if is_list else type
        if types.is_dictionary(value):
            value = value.value_type
        is_string = types.is_string(value) or types.is_large_string(value) or types.is_string_view(value)
        if not is_list or not (is_string or (name == columns.tags and types.is_integer(value))):
            raise CorpusError(Errors.column_type.format(path=file, column=name, type=type, **columns._asdict()))


def _features(schema: Any) -> Any:
    """What the `datasets` library notes in a schema about the tags."""
    try:
        return json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _names(features: tuple[Any, Any], column: str) -> list[str] | None:
    """The names of the `ClassLabel` of a column, which stands in a list type whose form depends on the version.

    features: what a schema notes, and what stands in the file beside it, where the schema has no names.
    """
    for noted in features:
        feature = noted.get(column) if isinstance(noted, dict) else None
        while isinstance(feature, (dict, list)) and feature:
            if isinstance(feature, list):
                feature = feature[0]
            elif isinstance(names := feature.get("names"), list) and names:
                return [str(name) for name in names]
            else:
                feature = feature.get("feature")
    return None


def _json(path: Path) -> dict[str, Any]:
    """What a JSON file says; nothing where there is none, or it is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
