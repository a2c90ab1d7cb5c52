"""Define the message templates for errors and warnings about corpora."""

from __future__ import annotations

from .corpus_formats import FormatMessages
from .corpus_json import JsonMessages
from .corpus_spans import SpanMessages


class CorpusMessages(FormatMessages, JsonMessages, SpanMessages):
    """The templates for messages about corpora, to be filled in with `str.format`."""

    no_such_file = "{path} does not exist. Check the spelling, or run the command from the project's folder."
    empty_file = "{path} contains no annotated sentences. Pass annotated text in one of these formats: {formats}."
    bad_encoding = (
        "{path}, line {line}: byte 0x{byte:02X} is not valid {encoding}. Specify the file's encoding: --encoding "
        "{offer}"
    )
    unknown_encoding = (
        "--encoding {encoding} is not a supported text encoding. Specify an encoding that Python supports, such as "
        "--encoding utf-8 or --encoding latin-1"
    )
    packed = (
        "{path} is compressed with {packer}. Allowed: uncompressed text, or a zip archive with one file. Decompress "
        "it: {unpack} {path}"
    )
    unfit_encoding = (
        "{path} cannot be decoded as {encoding} ({reason}). Specify the file's actual encoding, such as --encoding "
        "utf-8"
    )
    binary_file = (
        "{path}, line {line}: the file contains a NUL byte, so it is not a text file. Pass a text file in one of these "
        "formats, zipped or unzipped: {formats}."
    )
    bad_zip = "{path}: the zip archive cannot be read ({reason}). Download or copy the file again."
    zip_members = (
        "{path}: the zip archive contains {n} files. Allowed: exactly one file. Unzip the archive, then pass the file "
        "that you want to read."
    )
    unknown_format = (
        "{path}, line {line}: the format cannot be detected from {text!r}. Allowed: {formats}. Specify the format, "
        "such as --format conll"
    )
    no_tag_column = (
        "{path}, line {line}: --column {column} contains no tags. The first row is {text!r}. Allowed: a column with O "
        "and tags such as B-per. Columns are numbered from 1 at the left, or from -1 at the right. Specify another "
        "column, or omit the option. If this column is correct, specify the format: --format conll"
    )
    missing_columns = (
        "{path}, line 1: the header has these columns: {found}. The format {format} requires these columns: {needed}. "
        "Rename the columns, or specify another format with --format."
    )
    bad_csv = (
        "{path}, line {line}: the row is not valid CSV ({reason}). Quote each field that contains a comma, a quotation "
        "mark or a line break."
    )
    field_count = "{path}, line {line}: the header has {needed} fields, but this row has {found}. Fix the row."
    label_count = (
        "{path}, line {line}: the number of words ({n_words}) differs from the number of labels ({n_tags}). Each word "
        "must have exactly one label. Except in lists, words and labels must be separated by single spaces. Fix "
        "the row that starts with {start!r}."
    )
    bad_tag = (
        "{path}, {unit} {line}{place}: {tag!r} is an invalid tag. Allowed: a non-empty tag such as O or B-per. It must "
        "not contain tabs or line breaks, or start or end with white space. Fix the tag."
    )
    tag_of_another_scheme = (
        "{path}, {unit} {line}{place}: the tag {tag!r} does not fit the scheme of the earlier tags ({before}). "
        "Allowed: O and tags with prefixes from one scheme, such as B-per, or O and labels without prefixes, such as "
        "per. Fix the tag. If every tag except O is itself a label, specify --tag-scheme plain. The schemes are: "
        "{schemes}."
    )
    strange_tag = (
        "{path}, {unit} {line}{place}: the tag {tag!r} does not belong to the scheme {scheme}. Allowed: {allowed}. Fix "
        "the tag, or replace --tag-scheme {scheme} with another scheme. The schemes are: {schemes}."
    )
    no_outside = (
        "{path}, {unit} {line}{place}: the tag {tag!r} has no prefix, and no word has the tag O, so every word would "
        "belong to an entity. Allowed: tags with prefixes, such as B-<label>, or labels for entities and O for all "
        "other words. Fix the tags. If every word belongs to an entity, specify --tag-scheme plain"
    )
    empty_word = "{path}, {unit} {line}{place}: the word is empty. Enter a word, or remove the empty entry."
    no_sentence = (
        "{path}, line {line}: a word precedes the first sentence number. Start the first sentence with a number, such "
        "as 'Sentence: 1'."
    )
    few_columns = (
        "{path}, line {line}: the row {text!r} has only one column. Allowed: at least a word and a tag, separated by "
        "tabs or spaces. By default, the word is in the first column and the tag in the last. Fix the row."
    )
    no_column = (
        "{path}, line {line}: the row {text!r} has {n} columns, so column {column} does not exist. Allowed: 1 to {n}, "
        "or -{n} to -1 to count from the last column. Fix the row, or specify another column with --column or "
        "--word-column."
    )
    bad_misc = (
        "{path}, line {line}: the row {text!r} is invalid in a file with document names in its -DOCSTART- rows. "
        "Allowed: word, MISC and tag, separated by tabs. Allowed in MISC: _, SpaceAfter=No, Form=<word>, or "
        "Form=<word>|SpaceAfter=No. Fix the row, or remove Document= from the -DOCSTART- rows."
    )
    option_of_others = (
        "--{option} {value} applies only to these formats: {formats}. The format of this corpus is {format}. Omit the "
        "option."
    )
    unknown_folder = (
        "{path}: the folder has no known format. Allowed: a folder written by Dataset.save_to_disk(), or a file in one "
        "of these formats: {formats}. Pass the file that you want to read."
    )
    same_file = "{path} is an input, so it cannot be overwritten. Choose another path for the output."
    no_folder = "{path} is a file, but the output requires a folder. Choose another path for the output folder."
    not_written = (
        "{path}: the output cannot be written ({reason}). The output folder must be writable. Its disk and the "
        "temporary folder {temporary} must have enough space. Free disk space, or choose another output folder."
    )
    no_room = (
        "{path}: {temporary} does not have enough space to unzip the file ({reason}). Free disk space, or set the "
        "environment variable TMPDIR to another folder for temporary files. Alternatively, unzip the file yourself and "
        "pass the result."
    )
    conllu_columns = (
        "{path}, line {line}: a CoNLL-U row must have ten columns, but {text!r} has {n}. Separate the columns with "
        "tabs, and write _ for an empty column. Fix the row, or specify another format, such as --format conll"
    )
    conllu_number = (
        "{path}, line {line}: the ID is {number!r}, but word {expected} is expected. Allowed: {expected}, a range that "
        "starts at {expected} for a multiword token, or a decimal such as 5.1 for an empty node. Multiword tokens must "
        "not overlap. Fix the row."
    )
    conllu_cut = (
        "{path}, line {line}: the sentence ends at word {last}, but its last multiword token ends at word {end}. "
        "Complete the sentence, or download the file again."
    )
    two_entities = (
        "{path}, line {line}: the words in the multiword token {word!r} belong to different entities: {tags}. Allowed: "
        "one entity per token. Add a tag to the token's own row."
    )
    two_tag_keys = (
        "{path}, line {line}: {key}= in {misc!r} conflicts with {first}= on line {at}. Allowed: one key for all tags "
        "in a file, at most once per word. Remove one of the two."
    )
    no_tag_key = (
        "{path}: the last column, MISC, contains no tags. Its keys are: {found}. Allowed keys for tags: {keys}=, as in "
        "NER=B-PER. Rename the key that holds the tags."
    )
    no_pyarrow = (
        "{path}: reading Arrow and Parquet files requires pyarrow, which is not installed. Install it: pip install "
        "'spacy-bert-ner[arrow]'"
    )
    no_pyarrow_to_write = (
        "--to parquet requires pyarrow, which is not installed. Install it: pip install 'spacy-bert-ner[arrow]'. Or "
        "specify another format with --to: {others}."
    )
    dataset_splits = (
        "{path}: the folder contains these splits: {found}. Allowed: the folder for a single split. Convert each split "
        "separately, starting with {example}"
    )
    dataset_files = (
        "{path}: these dataset files are missing: {missing}. Allowed: a complete folder written by "
        "Dataset.save_to_disk(). Copy or save the dataset again."
    )
    bad_dataset = (
        "{path} cannot be read as Arrow or Parquet ({reason}). Allowed: a complete file written by datasets or "
        "pyarrow. Copy or save the file again."
    )
    missing_keys = (
        "{where}: the data lacks {missing}. Its columns are: {found}. Required: tokens (or words) and ner_tags (or "
        "tags, labels, ner). Rename a column, as in dataset.rename_column('text', 'tokens')"
    )
    column_type = (
        "{path}: the column {column} has the invalid type {type}. Allowed: lists of strings in {words}, and lists of "
        "strings or integers in {tags}. Cast the column: dataset.cast_column('{words}', Sequence(Value('string')))"
    )
    bad_tokens = (
        "{path}, {unit} {line}: {key} = {found} is invalid. Allowed: a list of strings, one per word. Fix this {unit}."
    )
    bad_spaces = (
        "{path}, {unit} {line}: spaces = {found} is invalid. Allowed: null, or a list with true or false for each "
        "token ({n_words} in total). Fix this {unit}, or remove the column: dataset.remove_columns('spaces')"
    )
    bad_document = (
        "{path}, {unit} {line}: {key} = {found} is invalid. Allowed: a document name, a document number or null. Fix "
        "this {unit}, specify another column with --document-key, or remove the column: "
        "dataset.remove_columns('document')"
    )
    bad_ner_tags = (
        "{path}, {unit} {line}: {key} = {found} is invalid. Allowed: a list of strings, or a list of numbers for which "
        "the schema defines tag names. Use null for unknown tags. Fix this {unit}."
    )
    tag_count = (
        "{path}, {unit} {line}: the number of tokens ({n_words}) differs from the number of values in {key} "
        "({n_tags}). Each token must have exactly one tag. Fix the {unit} that starts with {start!r}."
    )
    nameless_tag = (
        "{path}, {unit} {line}: the tag {tag} is a number without a name. Allowed: strings such as B-per, or numbers "
        "for which a ClassLabel in the schema defines names. Use datasets to name the numbers in order, starting from "
        "0: dataset.cast_column('{key}', Sequence(ClassLabel(names=['O', 'B-per', 'I-per']))).save_to_disk('folder')"
    )
    tag_number = (
        "{path}, {unit} {line}: the schema has no name for the tag {tag}. Allowed: named tags from 0 to {last}, or -1 "
        "or -100 for an unknown tag. Fix this {unit}, or correct the names in the ClassLabel."
    )
    bad_docbin = (
        "{path} cannot be read as a DocBin ({reason}). Reading failed after {n} Docs. Allowed: a .spacy file written "
        "by spaCy's DocBin.to_disk(). Copy or write the file again."
    )
    docbin_without_entities = (
        "{path}: the DocBin stores no entities. Its attributes must include ENT_IOB and ENT_TYPE. Write the DocBin "
        "again with these attributes: DocBin(attrs=['ENT_IOB', 'ENT_TYPE'])"
    )
    same_name = (
        "{path}, line {line}: the ID {name!r} is already used on line {first}. Each ID must be unique. Remove the "
        "duplicate, or change its ID."
    )
    no_document_key = (
        "{path}, line {line}: {key} does not contain a document name. Allowed: a field with a string or a whole "
        "number. The fields are: {found}. Specify another field with --document-key. Use dots for nested fields, such "
        "as meta.source"
    )
    no_document_column = (
        "{path}: the dataset does not have exactly one column named {key}. Its columns are: {found}. Use "
        "--document-key to specify a column with strings or whole numbers as document names."
    )
    no_document_comment = (
        "{path}: no comment '# {key} = ...' names a document. Specify another comment with --document-key. The comment "
        "must precede the sentences of its document."
    )
    labels_left_out = (
        "The settings labels and label_map replace the tags of these entities with O (label and count): {listed}. To "
        "keep a label, change these settings."
    )
    labels_not_found = (
        "The settings labels and label_map contain labels that the data does not have: {missing}. The data has these "
        "labels: {found}. Check the spelling of the labels in the settings."
    )
    no_label_left = (
        "The settings labels and label_map leave no entities. The data has these labels: {found}. Specify at least one "
        "of them with --labels."
    )
    too_many_invalid = (
        "{n} sentences cannot be read, but --skip-invalid permits at most {allowed}:\n"
        "{listed}\n"
        "Fix the sentences, or raise the limit: --skip-invalid {more}"
    )
    skipped = "{n} sentences were skipped because they cannot be read. Fix these sentences to include them:\n{listed}"
    bad_split = (
        "--split {split} is invalid. Specify two or three positive whole percentages that add up to 100, such as "
        "--split 80/10/10"
    )
    split_option = (
        "{option} requires --split, because it controls how the corpus is split. Specify both options: --split "
        "80/10/10 {option}"
    )
    no_documents = (
        "{path}, line {line}: the format {format} does not specify a document for this sentence, so --by-document "
        "cannot keep documents together. Omit --by-document, or name documents with -DOCSTART- in conll, # newdoc in "
        "conllu, or id in jsonl."
    )
    too_many_tokens = (
        "{n} tokens exceed the 4 GiB limit of one .spacy file. Convert fewer sentences with --limit, or divide the "
        "input into several files."
    )
    copies_moved = (
        "{n} duplicate sentences were moved to the split that contains the first copy. To allow duplicates in "
        "different splits: --duplicates keep"
    )
    near_copies_moved = (
        "{n} near-duplicate sentences were moved to the split that contains the first similar sentence. Examples: "
        "{listed}. To allow near-duplicates in different splits: --duplicates exact"
    )
    joined_documents = (
        "--split {split} would leave a split empty. Documents that share a sentence of at least five words are kept "
        "together, and the largest group has {n} documents. To allow duplicates in different splits: --duplicates keep"
    )
    far_split = (
        "--split {split} produced splits with {found} percent of the sentences. Documents that share a sentence of at "
        "least five words are kept together, and the largest group has {n} documents. To allow duplicates in different "
        "splits: --duplicates keep"
    )
    small_split = (
        "{n} sentences are too few for --split {split}, because the {part} split would be empty. Add sentences, or "
        "omit --split."
    )
    bad_language = (
        "--lang {lang} cannot be used ({reason}). Specify another spaCy language, such as --lang xx, or install the "
        "packages that this language requires."
    )
    texts_left_out = (
        "{n} texts were skipped because they were not annotated or their annotation was rejected. No action is "
        "required if this is intended."
    )
    annotations_unused = (
        "{n} annotations were ignored because only one annotation per text is used. Remove those that should not be "
        "used."
    )
    bad_gold = (
        "{path}, line {line}: the key tokens contains the invalid value {found}. Allowed: a list of tokens such as "
        '{{"text": "Ada", "start": 0, "end": 3}}. The offsets must be whole numbers of characters from 0 to {n}. Fix '
        "the record, or remove its tokens to use the --lang tokenizer."
    )
    gold_text = (
        "{path}, line {line}: the token at offsets {start} to {end} is declared as {said}, but the text at these "
        "offsets is {covered}. Offsets must count characters in the unchanged text, not bytes or UTF-16 units. Fix the "
        "record, or remove its tokens to use the --lang tokenizer."
    )
    gold_order = (
        "{path}, line {line}: the token {covered} at offsets {start} to {end} starts before the previous token ends at "
        "{last}. Tokens must be in text order and must not overlap. Fix the record, or remove its tokens to use the "
        "--lang tokenizer."
    )
    gold_gap = (
        "{path}, line {line}: the text {covered} at offsets {start} to {end} is not part of any token. Only white "
        "space is allowed between tokens. Fix the record, or remove its tokens to use the --lang tokenizer."
    )
    bad_unknown = (
        "{path}, line {line}: the key unknown contains the invalid value {found}. Allowed: a list of [start, end] "
        "pairs, such as [0, 3]. The offsets must be whole numbers of characters with 0 <= start < end <= {n}. Fix the "
        "record."
    )
    unknown_entity = (
        "{where}: the text {covered} at offsets {start} to {end} is marked as unknown, but a span includes some of its "
        "tokens. A token must not be both unknown and in a span. Remove the span or the unknown range."
    )
    no_text = "{path}, line {line}: the text is {found}, but it must be a string. Fix the record."
    long_text = (
        "{path}, {unit} {line}: the text has {n} characters. The maximum is {allowed}, the default nlp.max_length in "
        "spaCy. Split the text into several documents."
    )
    long_record = (
        "{path}, line {line}: the record exceeds the limit of {allowed} characters. Split the record into several "
        "records."
    )
    lone_surrogate = (
        "{path}, line {line}: a string contains the unpaired surrogate U+{code:04X} at character {position}, so it is "
        "not valid text. Fix the program that wrote the file."
    )
    bad_json = (
        "{path}, line {line}: the record is not valid JSON ({reason}). Allowed: a JSON object on each line, or one "
        "array of objects. Fix the record: {text}"
    )
    no_object = (
        '{path}, line {line}: {found} is not a JSON object. Allowed: a record such as {{"text": ...}}. Fix the record.'
    )
    missing_key = (
        "{path}, line {line}: the record requires {needed}, but its keys are: {found}. Fix the record, or specify its "
        "format with --format."
    )
    bad_answer = "{path}, line {line}: the answer {answer} is invalid. Allowed: {allowed}. Fix the record."
    no_pair = (
        "{path}: {missing} is missing. brat requires texts in .txt files and their annotations in .ann files with the "
        "same names. Pass a folder with such pairs, or one file of a pair."
    )
    bad_standoff = (
        "{path}, line {line}: {text} is not a valid brat annotation. Allowed for a span: an ID, a tab, the label with "
        "both offsets, a tab and the text, as in 'T1\\tper 0 3\\tAda'. Fix the line."
    )
    spaced_label = (
        "{path}, line {line}: the label {label} contains a space. Allowed: a brat label without white space, such as "
        "{whole}. Rename the label in the .ann files."
    )
    same_id = (
        "{path}, line {line}: the ID {name} is already used. Each span must have a unique ID. Change the ID on this "
        "line."
    )
    text_changed = (
        "{where}: the --lang {lang} tokenizer changes this text. Specify a language with a tokenizer that preserves "
        "it: --lang xx"
    )
    no_path = (
        "[corpora.{{train,dev}}] path = {path} does not specify a file. Allowed: a file or folder with annotated text, "
        "or a list of such paths. Set the paths: --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    in_config = (
        "{message}\n"
        "In a config, options that start with -- are settings for the reader spacy_bert_ner.Corpus.v1. For example, "
        'write tag_scheme = "plain" in the reader\'s section instead of --tag-scheme plain. For --lang, set lang in '
        "[nlp]."
    )
    to_convert = (
        "{message}\n"
        "Options that start with -- are options of bert-ner convert. Convert the file with them, and then use the "
        ".spacy file that this command writes."
    )
    nothing_to_join = (
        "{path}: join = {join} has no effect, because no two consecutive sentences belong to the same document. Set "
        "join = 0, or use a corpus that names documents and keeps their sentences in order. Name documents with "
        "-DOCSTART- in conll, # newdoc in conllu, or meta.document in jsonl. For a .spacy file, run convert without "
        "--split or with --split 80/10/10 --by-document."
    )
    docbin_scheme = (
        "[corpora.{{train,dev}}] tag_scheme = {scheme} does not apply to {path}, because a .spacy file stores entities "
        "instead of tags. Omit the setting."
    )
    tags_repaired = (
        "{path}: {n} tags that violate the scheme {scheme} were repaired. To list them: python -m spacy bert-ner "
        "inspect {path}"
    )
    nothing_to_inspect = (
        "There is no file to inspect. Pass one or more files, each with one split: inspect train.spacy dev.spacy"
    )
    same_input = "{path} is specified more than once. Each file is a separate split. Pass each file only once."
    same_output = "{path} is specified for both --json and --html. Specify another file for one of them."
    html_to_terminal = (
        "--html - is invalid, because an HTML page cannot be shown in the terminal. Specify a file: --html page.html"
    )
    no_matplotlib = (
        "{option} {path} requires matplotlib to draw charts, but matplotlib is not installed. Install it: pip install "
        "'spacy-bert-ner[report]'"
    )
    bad_limit = "--limit {limit} is invalid. Specify a whole number of at least 1, such as --limit 1000"
