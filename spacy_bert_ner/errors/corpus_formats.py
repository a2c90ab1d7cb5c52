"""Messages about format detection and files of columns; see `errors` for all messages."""

from __future__ import annotations


class FormatMessages:
    """Message templates, filled with `str.format`."""

    unsupported_format = "{path}: this is {format}, which is not supported. {advice}"
    other_tag_column = (
        "Column {column} also holds tags, such as {tag}; the tags of column {taken} were used. To use the others: "
        "--column {column}"
    )
    word_prefix = (
        "All words start with {prefix!r}, which was kept. If it is not part of the words, remove it first: "
        "sed 's/^{prefix}//' {path}"
    )
    ragged_rows = (
        "{n} rows have a different number of columns than most ({usual}), the first on line {line}. Check that their "
        "words contain no tabs or spaces."
    )
    no_entities = (
        "No entity was found in {n_tokens} tokens. If the annotation has entities, specify its --format, or the "
        "--column of its tags."
    )
    few_entities = (
        "Only {n} entities were found in {n_tokens} tokens, fewer than one in {usual}. Check the --column of the tags, "
        "and check for texts that nobody annotated."
    )
    marks_removed = "{n} byte-order marks before words were removed; concatenated files contain them"
    doubtful_words = (
        "{path}: the words in column {column} are {listed} and so on: numbers, or all the same. Specify the column of "
        "the words: --word-column 2. If it is this one: --word-column {column}"
    )
