"""The messages about the recognition of formats and about files of columns; see `errors`."""

from __future__ import annotations


class FormatMessages:
    """Message templates, filled with `str.format`."""

    unsupported_format = "{path}: this is {format}, which is not read. {advice}"
    other_tag_column = (
        "Column {column} holds tags, too, such as {tag}; those of column {taken} were taken. For the others: "
        "--column {column}"
    )
    word_prefix = (
        "All words begin with {prefix!r}, which was kept. If it is no part of them, remove it first: "
        "sed 's/^{prefix}//' {path}"
    )
    ragged_rows = (
        "{n} rows have another number of columns than most ({usual}), the first on line {line}. Check that their words "
        "hold no tabs or spaces."
    )
    no_entities = (
        "No entity was found in {n_tokens} tokens. If the annotation has entities, name its --format, or the --column "
        "of its tags."
    )
    few_entities = (
        "Only {n} entities were found in {n_tokens} tokens, fewer than one in {usual}. Check the --column of the tags, "
        "and texts that nobody annotated."
    )
    marks_removed = "{n} byte-order marks before words were removed, as files that were joined have them"
    doubtful_words = (
        "{path}: the words in column {column} are {listed} and so on: numbers, or all the same. Name the column of the "
        "words: --word-column 2. If it is that one: --word-column {column}"
    )
