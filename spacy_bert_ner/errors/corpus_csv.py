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
    ambiguous_columns = (
        "{path}, line 1: the columns {names} may all be {wanted}. Allowed: one. Rename the right one to {wanted}, or "
        "remove the others."
    )
    no_sentence_end = (
        "{path}, line {line}: no sentence ends within {n} rows. Allowed: a column of sentence numbers, such as "
        "'Sentence #', or a blank row after each sentence. Add one of them."
    )
    one_sentence = (
        "All {n} rows were read as one sentence, as there is neither a blank row nor a column of sentence numbers. If "
        "they are several, add one of them."
    )
    word_with_break = (
        "{path}, line {line}: the word {word} holds a line break, so a quotation mark was taken for the beginning of a "
        "quoted field. Write a word that is a quotation mark as four of them."
    )
    bad_list = (
        "{path}, line {line}: {found} is no list of tags. Allowed: a whole list of strings, as JSON or Python write "
        "it: ['B-per', 'O']. Fix the row."
    )
    numbered_tag = (
        "{path}, line {line}: the tag {tag} is a number that nothing names. Allowed: strings, such as ['B-per', 'O']. "
        "Write the names into the file, or convert the dataset itself: dataset.save_to_disk('folder')"
    )
    spreadsheet = (
        "{path}: {kind}, which is not read. Save its sheet as CSV UTF-8 in Excel or LibreOffice, and name that file."
    )
