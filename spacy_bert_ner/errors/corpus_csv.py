"""Define the message templates for errors and warnings about CSV files, encodings and tags."""

from __future__ import annotations


class CsvMessages:
    """The templates for messages about CSV files, encodings and tags, to be filled in with `str.format`."""

    many_labels = (
        "{path}, {unit} {line}{place}: {n_words} words have {n} different tags without prefixes ({listed}), which is "
        "too many labels. In a column file, specify the tag column: --column 2. If the tags are labels, specify "
        "--tag-scheme plain. This requires an average of at least {uses} words per label."
    )
    prefixed_labels = (
        "{path}: {n} of {total} tags have the prefix of a scheme ({listed}). --tag-scheme plain would treat the prefix "
        "as part of the label. Omit --tag-scheme plain."
    )
    damaged_here = (
        "{path}, line {line}: the line is damaged. Byte 0x{byte:02X} is not valid {encoding}, although most of the "
        "file is.{more} Correct the line, or get an intact copy of the file."
    )
    fell_back = (
        "The file is not valid UTF-8 and was decoded as {encoding}, which produced words such as {words}. If these "
        "words are wrong, specify the encoding, such as --encoding cp1250"
    )
    ambiguous_columns = (
        "{path}, line 1: each of the columns {names} could be {wanted}. Allowed: one such column. Rename the correct "
        "column to {wanted}, or remove the other columns."
    )
    no_sentence_end = (
        "{path}, line {line}: no sentence ends within {n} rows. The file must have a column with sentence numbers, "
        "such as 'Sentence #', or a blank row after each sentence. Add one of them."
    )
    one_sentence = (
        "All {n} rows were read as one sentence, because the file has neither blank rows nor a column with sentence "
        "numbers. If the rows contain several sentences, separate them with blank rows or add a column with "
        "sentence numbers."
    )
    word_with_break = (
        "{path}, line {line}: the word {word} contains a line break, because a quotation mark was read as the start of "
        "a quoted field. If a word is itself a quotation mark, write it as four quotation marks."
    )
    bad_list = (
        "{path}, line {line}: {found} is not a valid list of tags. Allowed: a complete list of strings in JSON or "
        "Python syntax, such as ['B-per', 'O']. Fix the row."
    )
    numbered_tag = (
        "{path}, line {line}: the tag {tag} is a number without a name. Allowed: strings, such as ['B-per', 'O']. "
        "Replace the numbers with names. Or save the dataset with dataset.save_to_disk('folder'), and pass that "
        "folder instead of this file."
    )
    spreadsheet = (
        "{path} is {kind}, which is not supported. Save the sheet as CSV UTF-8 in Excel or LibreOffice, and pass the "
        "CSV file."
    )
