"""The messages about CSV, encodings and columns that hold no tags; see `errors`, which has all others."""

from __future__ import annotations


class CsvMessages:
    """Message templates, filled with `str.format`."""

    many_labels = (
        "{path}, {unit} {line}{place}: {n} different tags without prefixes for {n_words} words ({listed}), which are "
        "too many to be labels. Name the column of the tags in a file of columns: --column 2. If they are labels, and "
        "{uses} words or more share one, say so: --tag-scheme plain"
    )
    prefixed_labels = (
        "{path}: {n} of {total} tags have the prefix of a scheme ({listed}), which --tag-scheme plain would take for a "
        "part of their labels. Leave out --tag-scheme plain."
    )
    damaged_here = (
        "{path}, line {line}: damaged here: byte 0x{byte:02X} is not valid {encoding}, but the rest of the file is."
        "{more} Write the line again, or take the file from its source again."
    )
    fell_back = (
        "It is not UTF-8 and was read as {encoding}, with words such as {words}. If these are wrong, name its "
        "encoding, such as --encoding cp1250"
    )
