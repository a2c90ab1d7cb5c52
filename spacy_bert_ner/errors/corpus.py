"""Messages about corpora; see `errors` for all messages."""

from __future__ import annotations

from .corpus_formats import FormatMessages
from .corpus_json import JsonMessages
from .corpus_spans import SpanMessages


class CorpusMessages(FormatMessages, JsonMessages, SpanMessages):
    """Message templates, filled with `str.format`."""

    no_such_file = "{path}: no such file. Check the spelling, or run the command from the project's folder."
    empty_file = "{path}: contains no annotated sentences. Allowed: one of {formats}."
    bad_encoding = (
        "{path}, line {line}: byte 0x{byte:02X} is not valid {encoding}. Specify the file's encoding: "
        "--encoding {offer}"
    )
    unknown_encoding = (
        "--encoding {encoding} is not a known encoding. Allowed: a Python codec, such as utf-8 or latin-1."
    )
    packed = (
        "{path}: compressed with {packer}. Allowed: uncompressed text, or a zip archive of one file. Decompress it: "
        "{unpack} {path}"
    )
    unfit_encoding = (
        "{path}: cannot be read as {encoding} ({reason}). Specify the encoding that it was written in: --encoding utf-8"
    )
    binary_file = (
        "{path}, line {line}: contains a NUL byte, so this is not a text file. Allowed: {formats}, zipped or unzipped."
    )
    bad_zip = "{path}: the zip archive cannot be read ({reason}). Download or copy the file again."
    zip_members = "{path}: a zip archive with {n} files. Allowed: exactly one. Unzip it and pass the file you want."
    unknown_format = (
        "{path}, line {line}: cannot detect the format from {text!r}. Allowed: {formats}. Specify one: --format conll"
    )
    no_tag_column = (
        "{path}, line {line}: --column {column} of {text!r} has no tags. Allowed: the number of the column with O and "
        "tags such as B-per, from 1, or from -1 downwards to count from the last. Choose another column, or omit the "
        "option. If this is the right column: --format conll"
    )
    missing_columns = "{path}, line 1: the header has the columns {found}. {format} needs {needed}."
    bad_csv = "{path}, line {line}: not a CSV row: {reason}. Quote fields that contain commas, quotes or line breaks."
    field_count = "{path}, line {line}: {found} fields in this row, but {needed} in the header. Fix the row."
    label_count = (
        "{path}, line {line}: {n_words} words but {n_tags} labels. Both are separated by single spaces; each word has "
        "exactly one label. Fix the row that starts with {start!r}."
    )
    bad_tag = (
        "{path}, {unit} {line}{place}: {tag!r} is not a valid tag. Allowed: a tag such as O or B-per, without white "
        "space around it and without tabs or line breaks. Fix the row."
    )
    odd_tag = (
        "{path}, {unit} {line}{place}: the tag {tag!r} does not match the tags before it ({before}). Allowed: O and "
        "tags that all have prefixes of one scheme (B-per), or O and labels without prefixes (per). Fix the row. If "
        "every tag except O is a label by itself: --tag-scheme plain (one of {schemes})."
    )
    strange_tag = (
        "{path}, {unit} {line}{place}: the tag {tag!r} does not belong to the scheme {scheme}. Allowed: {allowed}. Fix "
        "the row, or replace --tag-scheme {scheme} by another scheme: one of {schemes}."
    )
    no_outside = (
        "{path}, {unit} {line}{place}: the tag {tag!r} has no prefix and no word has the tag O, so every word would be "
        "in an entity. Allowed: tags with prefixes such as B-<label>, or labels with O elsewhere. If every word is in "
        "an entity: --tag-scheme plain"
    )
    empty_word = "{path}, {unit} {line}{place}: the row has no word. Fix or remove it."
    no_sentence = "{path}, line {line}: a word before the first sentence number. Start with 'Sentence: 1'."
    few_columns = (
        "{path}, line {line}: only one column: {text!r}. Allowed: word and tag (the first and the last column), "
        "separated by tabs or spaces."
    )
    no_column = (
        "{path}, line {line}: {n} columns, so column {column} does not exist: {text!r}. Allowed: --column 1 to {n}, or "
        "-{n} to -1 to count from the last. Fix the row, or choose another column."
    )
    bad_misc = (
        "{path}, line {line}: {text!r} in a file whose -DOCSTART- row names its document. Allowed: word, MISC and tag, "
        "separated by tabs. MISC is _, SpaceAfter=No, Form=<word>, or the last two separated by |. Fix the row, or "
        "remove Document= from the -DOCSTART- rows."
    )
    option_of_others = "--{option} {value} does not apply to the format {format}, only to {formats}. Omit the option."
    unknown_folder = (
        "{path}: no known format is recognised in this folder. Allowed: a folder written by save_to_disk() of "
        "datasets, or a file of {formats}. Pass the file you want."
    )
    same_file = "{path} is the input, so it cannot be overwritten. Choose another folder for the output."
    no_folder = "{path} is a file, so no output can be written into it. Choose a folder for the output."
    not_written = (
        "{path}: the output cannot be written ({reason}). Allowed: a writable folder on a disk with enough space, and "
        "space for temporary files in {temporary}. Free disk space, or choose another folder for the output."
    )
    no_room = (
        "{path}: not enough space to unzip it in {temporary} ({reason}). Free disk space, set the environment variable "
        "TMPDIR to another folder for temporary files, or unzip the file yourself and pass the result."
    )
    conllu_columns = (
        "{path}, line {line}: {n} columns: {text!r}. CoNLL-U has ten columns, separated by tabs; an empty one is _. "
        "Fix the row, or specify the format: --format conll"
    )
    conllu_number = (
        "{path}, line {line}: the ID {number!r} where word {expected} is expected. Allowed: {expected}, a multiword "
        "token such as {expected}-7 that contains no other, or an empty node such as 5.1. Fix the row."
    )
    conllu_cut = (
        "{path}, line {line}: the sentence ends at word {last}, inside a multiword token that ends at word {end}. "
        "Complete the sentence, or download the file again."
    )
    two_entities = (
        "{path}, line {line}: the words of the token {word!r} belong to two entities: {tags}. Allowed: one. Give the "
        "token a tag in its own row."
    )
    two_tag_keys = (
        "{path}, line {line}: {key}= in {misc!r}, but {first}= on line {at}. Allowed: one key for the tags of a file, "
        "once per word. Remove the other key."
    )
    no_tag_key = (
        "{path}: MISC, the last column, contains no tags. Its keys are: {found}. Allowed: {keys}= before the tag of a "
        "word, as in NER=B-PER. Rename the key."
    )
    no_pyarrow = (
        "{path}: reading Arrow and Parquet requires pyarrow, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[arrow]'"
    )
    no_pyarrow_to_write = (
        "--to parquet requires pyarrow, which is not installed. Install it: pip install 'spacy-bert-ner[arrow]', or "
        "choose another format: --to {others}"
    )
    dataset_splits = (
        "{path}: a folder with the splits {found}. Allowed: the folder of one split. Convert each split separately: "
        "{example}"
    )
    dataset_files = (
        "{path}: the dataset's files are missing: {missing}. Allowed: a folder written by save_to_disk() of datasets. "
        "Copy or save it again."
    )
    bad_dataset = (
        "{path}: cannot be read as Arrow or Parquet ({reason}). Allowed: a complete file written by datasets or "
        "pyarrow. Copy or save it again."
    )
    missing_keys = (
        "{where}: the columns are {found}; {missing} is missing. Required: tokens (or words) and ner_tags (or tags, "
        "labels, ner). Rename a column: dataset.rename_column('text', 'tokens')"
    )
    column_type = (
        "{path}: the column {column} has the type {type}. Allowed: {words} as lists of strings, {tags} as lists of "
        "strings or integers. Cast it: dataset.cast_column('{words}', Sequence(Value('string')))"
    )
    bad_tokens = (
        "{path}, {unit} {line}: {key} = {found} is not allowed. Allowed: a list of strings, one per word. Fix the row."
    )
    bad_spaces = (
        "{path}, {unit} {line}: spaces = {found} is not allowed. Allowed: a list of true and false, one for each of "
        "the {n_words} tokens, or null. Fix the row, or remove the column: dataset.remove_columns('spaces')"
    )
    bad_document = (
        "{path}, {unit} {line}: {key} = {found} is not allowed. Allowed: the document's name or number, or null. "
        "Fix the row, choose another column (--document-key), or remove it: dataset.remove_columns('document')"
    )
    bad_ner_tags = (
        "{path}, {unit} {line}: {key} = {found} is not allowed. Allowed: a list of strings, or of numbers that the "
        "schema names, with null for unknown tags. Fix the row."
    )
    tag_count = (
        "{path}, {unit} {line}: {n_words} tokens but {n_tags} {key}. Each token has exactly one tag. Fix the row that "
        "starts with {start!r}."
    )
    nameless_tag = (
        "{path}, {unit} {line}: the tag {tag} is a number without a name. Allowed: strings (B-per), or a ClassLabel in "
        "the schema. Name the numbers with datasets, in order from 0: "
        "dataset.cast_column('{key}', Sequence(ClassLabel(names=['O', 'B-per', 'I-per']))).save_to_disk('folder')"
    )
    tag_number = (
        "{path}, {unit} {line}: the tag {tag} does not exist. Allowed: 0 to {last}, which the schema names, and -1 or "
        "-100 for unknown tags. Fix the row, or the names of the ClassLabel."
    )
    bad_docbin = (
        "{path}: cannot be read as a DocBin after {n} Docs ({reason}). Allowed: a .spacy file written by spaCy's "
        "DocBin.to_disk(). Copy or write it again."
    )
    docbin_without_entities = (
        "{path}: this DocBin stores no entities. Allowed: attributes that include ENT_IOB and ENT_TYPE. Write it "
        "again: DocBin(attrs=['ENT_IOB', 'ENT_TYPE'])"
    )
    same_name = (
        "{path}, line {line}: the id {name!r} is already used on line {first}. Allowed: a unique id for each. Remove "
        "the copy, or change its id."
    )
    no_document_key = (
        "{path}, line {line}: there is no {key} to name the document. Allowed: one of {found}. Specify another field: "
        "--document-key, with dots for nested fields, such as meta.source"
    )
    no_document_column = (
        "{path}: there is no column {key} to name the document. Its columns are: {found}. Specify a column of strings "
        "or whole numbers: --document-key"
    )
    no_document_comment = (
        "{path}: no comment '# {key} = ...' names a document. Specify another comment that precedes sentences: "
        "--document-key"
    )
    labels_left_out = "labels and label_map turn these entities into O: {listed}"
    labels_not_found = (
        "labels or label_map names {missing}, but no entity has this label. The labels of the data are: {found}"
    )
    no_label_left = (
        "labels and label_map leave no entity. The labels of the data are: {found}. Specify some of them: --labels"
    )
    too_many_invalid = (
        "{n} sentences cannot be read, more than --skip-invalid {allowed} permits:\n{listed}\n"
        "Fix them, or allow more: --skip-invalid {more}"
    )
    skipped = "{n} sentences that cannot be read were skipped:\n{listed}"
    bad_split = "--split {split} is not allowed. Allowed: two or three whole percentages that add up to 100: 80/10/10."
    split_option = (
        "{option} requires --split, because it controls how the parts are made. Use both: --split 80/10/10 {option}"
    )
    no_documents = (
        "{path}, line {line}: the format {format} names no document for this sentence, so --by-document cannot keep "
        "documents together. Omit it, or mark documents: -DOCSTART- in conll, # newdoc in conllu, an id in jsonl."
    )
    too_many_tokens = (
        "{n} tokens are more than one .spacy file can hold (4 GiB). Convert fewer with --limit, or divide the input."
    )
    copies_moved = "{n} sentences that occur more than once were moved to the part of their first copy."
    near_copies_moved = (
        "{n} near-duplicate sentences were moved to the part of the first sentence that they resemble, such as: "
        "{listed}. To allow near-duplicates in different parts: --duplicates exact"
    )
    joined_documents = (
        "--split {split} would leave a part empty, because documents that share a sentence of five words or more are "
        "kept together. The largest group has {n} documents. To allow copies in different parts: --duplicates keep"
    )
    far_split = (
        "--split {split} resulted in {found} percent of the sentences, because documents that share a sentence of five "
        "words or more are kept together. The largest group has {n} documents. To allow copies in different parts: "
        "--duplicates keep"
    )
    small_split = "{n} sentences are too few for --split {split}: the part '{part}' would be empty. Omit --split."
    bad_language = "--lang {lang} is not allowed: {reason}"
    texts_left_out = "{n} texts were skipped because they are not annotated or their annotation was rejected"
    annotations_unused = "{n} annotations were ignored because their texts have an earlier one"
    bad_gold = (
        '{path}, line {line}: {found} in tokens. Allowed: {{"text": "Ada", "start": 0, "end": 3}}, with whole '
        "numbers of characters in a text of {n}. Fix the record, or remove its tokens to use the tokenizer of --lang."
    )
    gold_text = (
        "{path}, line {line}: the token from {start} to {end} is declared as {said}, but the text there is {covered}. "
        "Allowed: offsets in characters (not bytes or UTF-16 units) of the unchanged text. Fix the record, or remove "
        "its tokens to use the tokenizer of --lang."
    )
    gold_order = (
        "{path}, line {line}: the token from {start} to {end}, {covered}, starts before the end, {last}, of the "
        "previous token. Allowed: tokens in the order of the text that do not overlap. Fix the record, or remove its "
        "tokens to use the tokenizer of --lang."
    )
    gold_gap = (
        "{path}, line {line}: {covered}, from {start} to {end}, is in no token. Allowed: only white space between "
        "tokens. Fix the record, or remove its tokens to use the tokenizer of --lang."
    )
    bad_unknown = (
        "{path}, line {line}: {found} in unknown. Allowed: [start, end] such as [0, 3], whole numbers of characters in "
        "a text of {n}, start < end. Fix the record."
    )
    unknown_entity = (
        "{where}: {covered}, from {start} to {end}, is unknown, but a span includes tokens of it. Allowed: either "
        "unknown or in a span. Remove one of the two."
    )
    no_text = "{path}, line {line}: the text is {found}. Allowed: a string. Fix the record."
    long_text = (
        "{path}, {unit} {line}: a text of {n} characters. Allowed: at most {allowed}, as in spaCy (nlp.max_length). "
        "Split it into several documents."
    )
    long_record = "{path}, line {line}: a record of more than {allowed} characters. Split it into several records."
    lone_surrogate = (
        "{path}, line {line}: an unpaired surrogate (U+{code:04X}) at character {position} of a string, which is not "
        "valid text. Fix the program that wrote the file."
    )
    bad_json = (
        "{path}, line {line}: not JSON: {reason}. Allowed: a JSON object on each line, or one array of objects: {text}"
    )
    no_object = '{path}, line {line}: {found} is not a JSON object. Allowed: a record such as {{"text": ...}}. Fix it.'
    missing_key = (
        "{path}, line {line}: a record with the keys {found}. It needs {needed}. Fix it, or specify its --format."
    )
    bad_answer = "{path}, line {line}: the answer is {answer}. Allowed: {allowed}. Fix the record."
    no_pair = (
        "{path}: there is no {missing}. brat has texts in .txt files and their annotations in .ann files of the same "
        "name. Pass a folder of such pairs, or one of the two files."
    )
    bad_standoff = (
        "{path}, line {line}: not a line of brat: {text}. Allowed for a span: T1, tab, label, start and end, tab, its "
        "text, as in 'T1\\tper 0 3\\tAda'. Fix the line."
    )
    spaced_label = (
        "{path}, line {line}: the label {label} contains a space. Allowed in brat: a label without white space, as in "
        "{whole}. Rename it in the .ann files."
    )
    same_id = "{path}, line {line}: {name} is already used. Allowed: a unique number for each span. Fix the line."
    text_changed = "{where}: the tokenizer of --lang {lang} changes this text. Choose another language: --lang xx"
    no_path = (
        "[corpora.{{train,dev}}] path = {path} specifies no file. Allowed: a file or folder of annotated text, or a "
        "list of them. Set it: --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    in_config = (
        "{message}\n(In a config, an option that starts with -- is a key of the reader spacy_bert_ner.Corpus.v1: "
        '--tag-scheme plain is tag_scheme = "plain" in its block of the config; --lang is lang of [nlp].)'
    )
    nothing_to_join = (
        "{path}: join = {join}, but no two consecutive sentences belong to the same document. Allowed: join = 0, or a "
        "corpus that names documents, with their sentences in order: -DOCSTART- in conll, # newdoc in conllu, the same "
        "meta.document in several records of jsonl, or .spacy files that convert made from these, without --split or "
        "with --split 80/10/10 --by-document"
    )
    docbin_scheme = (
        "[corpora.{{train,dev}}] tag_scheme = {scheme}, but {path} is a .spacy file, which stores entities and no "
        "tags. Omit the setting."
    )
    tags_repaired = "{path}: {n} tags that broke the rules of {scheme} were repaired"
    nothing_to_inspect = (
        "No file to inspect. Allowed: one or more files, each a separate split: inspect train.spacy dev.spacy"
    )
    same_input = "{path} is given twice. Allowed: each file once, as each is a separate split. Omit one."
    same_output = "{path} is given for both --json and --html. Choose another file for one of them."
    html_to_terminal = "--html - is not allowed, because a page is for a browser. Specify a file: --html page.html"
    no_matplotlib = (
        "{option} {path}: drawing its charts requires matplotlib, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[report]'"
    )
    bad_limit = "--limit {limit} is not allowed. Allowed: a whole number from 1."
