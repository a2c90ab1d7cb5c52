"""Read Hugging Face datasets from a folder written by `save_to_disk` or from an Arrow or Parquet file.

Data is read in batches. Memory usage depends on the largest record batch in an Arrow file or row group in a Parquet
file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import CorpusError, Errors
from ..sentence import Invalid, Sentence
from .dataset_row import DOCUMENT, SPACES, Columns, find_columns, has_tags, sentence_of

_MAGIC = {b"PAR1": "parquet", b"ARRO": "file", b"\xff\xff\xff\xff": "stream"}
"""File types by their first bytes. `save_to_disk` writes streams."""
_SPLITS, _STATE, _INFO = "dataset_dict.json", "state.json", "dataset_info.json"
_BATCH = 1000


def is_dataset(path: Path) -> bool:
    """Return whether a path is a `save_to_disk` folder or a file that begins like an Arrow or Parquet file."""
    if path.is_dir():
        return any((path / name).is_file() for name in (_SPLITS, _STATE, _INFO))
    return path.is_file() and _magic(path) in _MAGIC


def read(path: Path, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read the words, the tags and the optional columns `spaces` and `document`.

    See `dataset_row` for the column names. If the tags are numbers, their names are taken from the schema, where the
    `datasets` library writes them. If the schema has no names, they are taken from `dataset_info.json` in the same
    folder.

    path (Path): the path to the folder or file.
    document_key (str | None): the column with the document name of each row. If None (the default), `document` is used.
    YIELDS (Sentence | Invalid): the sentence, or the error if the row is invalid.
    RAISES CorpusError: `pyarrow` is not installed, the dataset cannot be read, or a column is missing.
    """
    try:
        import pyarrow  # noqa: F401, checks the optional dependency early
    except ImportError as e:
        raise CorpusError(Errors.no_pyarrow.format(path=path)) from e
    rows = chain.from_iterable(_file_rows(file, document_key) for file in _files(path))
    for i, row in enumerate(rows, start=1):
        if row.cells[row.columns.words] == []:
            continue
        try:
            yield sentence_of(path, "row", i, row.cells, row.tag_names, row.columns, document_key or DOCUMENT)
        except CorpusError as e:
            yield Invalid(e)


class _Row(NamedTuple):
    """A row with its column names and tag names.

    cells (dict[str, Any]): the cells by column name.
    columns (Columns): the names of the word and tag columns.
    tag_names (list[str] | None): the tag for each number, from 0. None if the tags are strings or numbers without
        names.
    """

    cells: dict[str, Any]
    columns: Columns
    tag_names: list[str] | None


def _file_rows(file: Path, document_key: str | None) -> Iterator[_Row]:
    """Yield the rows in a file.

    RAISES CorpusError: the file cannot be read, or a column is missing or has an invalid type.
    """
    import pyarrow

    try:
        with ExitStack() as stack:
            schema, batches = _open(file, stack)
            features = (_features(schema), _load_json(file.parent / _INFO).get("features"))
            columns = _find_columns(file, schema, features)
            _check_types(file, schema, columns)
            if document_key is not None and schema.names.count(document_key) != 1:
                listed = ", ".join(schema.names)
                raise CorpusError(Errors.no_document_column.format(path=file, key=document_key, found=listed))
            tag_names = _names(features, columns.tags)
            for batch in batches(_unique(schema, *columns, SPACES, document_key or DOCUMENT)):
                for cells in _rows(batch):
                    yield _Row(cells, columns, tag_names)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as e:
        raise CorpusError(Errors.bad_dataset.format(path=file, reason=" ".join(str(e).split())[:200])) from e


def _files(path: Path) -> list[Path]:
    """Return the files in a dataset, in row order."""
    if not path.is_dir():
        return [path]
    if (path / _SPLITS).is_file():
        splits = sorted(folder.name for folder in path.iterdir() if folder.is_dir())
        example = path / (splits[0] if splits else "train")
        raise CorpusError(Errors.dataset_splits.format(path=path, found=", ".join(splits) or "none", example=example))
    data_files = _load_json(path / _STATE).get("_data_files")
    if isinstance(data_files, list) and all(isinstance(file, dict) and "filename" in file for file in data_files):
        files = [path / Path(str(file["filename"])).name for file in data_files]
    else:
        files = sorted(path.glob("*.arrow"))
    existing = set(path.iterdir())  # avoid looking up single files, as a name may be too long
    missing = [file.name for file in files if file not in existing or not file.is_file()]
    if missing or not files:
        raise CorpusError(Errors.dataset_files.format(path=path, missing=", ".join(missing) or "*.arrow"))
    return files


def _magic(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _open(file: Path, stack: ExitStack) -> tuple[Any, Callable[[list[str]], Iterator[Any]]]:
    """Open a file and return its schema and a function that reads its record batches.

    The function takes the names of the columns to read. It can be called only once.
    """
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
    batch.validate(full=True)  # with invalid offsets, Arrow would read arbitrary memory
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _unique(schema: Any, *names: str) -> list[str]:
    """Return the names that occur exactly once in a schema. Duplicate column names are ignored."""
    return [name for name in names if schema.names.count(name) == 1]


def _find_columns(file: Path, schema: Any, features: tuple[Any, Any]) -> Columns:
    """Return the names of the word and tag columns."""

    def holds_tags(name: str) -> bool:
        if names := _names(features, name):
            return has_tags([], names)
        with ExitStack() as stack:
            _, batches = _open(file, stack)
            first = next(iter(batches([name])), None)
            return first is not None and has_tags(row[name] for row in _rows(first))

    return find_columns(file, _unique(schema, *dict.fromkeys(schema.names)), holds_tags)


def _check_types(file: Path, schema: Any, columns: Columns) -> None:
    """Reject columns that are not lists of strings. The tag column may also contain lists of integers."""
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
    """Return the features that the `datasets` library stores in the schema metadata. Return None if there are none."""
    try:
        return json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _names(features: tuple[Any, Any], column: str) -> list[str] | None:
    """Return the `ClassLabel` names for a column, or None if there are none.

    The list type that contains the `ClassLabel` depends on the library version.

    features (tuple[Any, Any]): the features from the schema and those from `dataset_info.json`. The latter are used if
        the schema has no names.
    column (str): the name of the column.
    """
    for source in features:
        feature = source.get(column) if isinstance(source, dict) else None
        while isinstance(feature, (dict, list)) and feature:
            if isinstance(feature, list):
                feature = feature[0]
            elif isinstance(names := feature.get("names"), list) and names:
                return [str(name) for name in names]
            else:
                feature = feature.get("feature")
    return None


def _load_json(path: Path) -> dict[str, Any]:
    """Load an object from a JSON file. Return an empty dictionary if the file does not exist or is invalid."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
