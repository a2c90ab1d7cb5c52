"""Messages about CSV, encodings and columns without tags; see `errors` for all messages."""

from __future__ import annotations


class CsvMessages:
    """Message templates, filled with `str.format`."""

    many_labels = (
        "{path}, {unit} {line}{place}: {n} different tags without prefixes for {n_words} words ({listed}), too many to "
        "be labels. Specify the column of the tags in a file of columns: --column 2. If they are labels, and on "
        "average {uses} words or more share one: --tag-scheme plain"
    )
    prefixed_labels = (
        "{path}: {n} of {total} tags have the prefix of a scheme ({listed}), which --tag-scheme plain would treat as "
        "part of the label. Omit --tag-scheme plain."
    )
    damaged_here = (
        "{path}, line {line}: damaged: byte 0x{byte:02X} is not valid {encoding}, but the rest of the file is."
        "{more} Rewrite the line, or get the file again from its source."
    )
    fell_back = (
        "It is not UTF-8 and was read as {encoding}, with words such as {words}. If these are wrong, specify the "
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
        "All {n} rows were read as one sentence, because there is neither a blank row nor a column of sentence "
        "numbers. If they are several sentences, add one of them."
    )
    word_with_break = (
        "{path}, line {line}: the word {word} contains a line break, so a quotation mark was read as the start of a "
        "quoted field. Write a word that is a quotation mark as four quotation marks."
    )
    bad_list = (
        "{path}, line {line}: {found} is not a list of tags. Allowed: a complete list of strings, as JSON or Python "
        "write it: ['B-per', 'O']. Fix the row."
    )
    numbered_tag = (
        "{path}, line {line}: the tag {tag} is a number without a name. Allowed: strings, such as ['B-per', 'O']. "
        "Write the names into the file, or convert the dataset itself: dataset.save_to_disk('folder')"
    )
    spreadsheet = (
        "{path}: {kind}, which is not supported. Save its sheet as CSV UTF-8 in Excel or LibreOffice, and pass that "
        "file."
    )
