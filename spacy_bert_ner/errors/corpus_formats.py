"""Define the message templates for errors and warnings about format detection and column files."""

from __future__ import annotations


class FormatMessages:
    """The templates for messages about format detection and column files, to be filled in with `str.format`."""

    unsupported_format = "{path} contains {format}, which is not supported. {advice}"
    other_tag_column = (
        "Column {column} also contains tags, such as {tag}, but the tags in column {taken} were used. To use column "
        "{column} instead: --column {column}"
    )
    word_prefix = (
        "All words start with {prefix!r}, which was kept. If this prefix is not part of the words, remove it from the "
        "file first: sed 's/^{prefix}//' {path}"
    )
    ragged_rows = (
        "Most rows have {usual} columns, but {n} rows have a different number. The first of these is on line {line}. "
        "Check that their words contain no tabs or spaces."
    )
    no_entities = (
        "No entities were found in {n_tokens} tokens. If the text is annotated, specify its format with --format or "
        "its tag column with --column."
    )
    few_entities = (
        "Only {n} entities were found in {n_tokens} tokens, which is fewer than one per {usual} tokens. Check that "
        "--column specifies the tag column and that all texts are annotated."
    )
    marks_removed = (
        "{n} byte-order marks before words were removed. They usually come from concatenated files, so no action is "
        "required."
    )
    doubtful_words = (
        "{path}: column {column} does not seem to contain words, because its values are numbers or all the same: "
        "{listed}. Specify the word column: --word-column 2. If column {column} is correct: --word-column {column}"
    )
