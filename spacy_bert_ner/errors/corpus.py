"""The messages about corpora; see `errors`, which has all others."""

from __future__ import annotations

from .corpus_formats import FormatMessages
from .corpus_json import JsonMessages
from .corpus_spans import SpanMessages


class CorpusMessages(FormatMessages, JsonMessages, SpanMessages):
    """Message templates, filled with `str.format`."""

    no_such_file = "{path}: no such file. Check the spelling, or run the command from the project's folder."
    empty_file = "{path}: there is no annotated sentence in it. Allowed: one of {formats}."
    bad_encoding = (
        "{path}, line {line}: byte 0x{byte:02X} is not valid {encoding}. Name the file's encoding: --encoding {offer}"
    )
    unknown_encoding = "--encoding {encoding} is not known. Allowed: a Python codec, such as utf-8 or latin-1."
    packed = (
        "{path}: packed by {packer}. Allowed: text as it is, or a zip archive of one file. Unpack it: {unpack} {path}"
    )
    unfit_encoding = (
        "{path}: cannot be read as {encoding} ({reason}). Name the encoding in which it was written: --encoding utf-8"
    )
    binary_file = "{path}, line {line}: a NUL byte, so this is not a text file. Allowed: {formats}, zipped or not."
    bad_zip = "{path}: the zip archive cannot be read ({reason}). Fetch the file again."
    zip_members = "{path}: a zip archive with {n} files. Allowed: exactly one. Unzip it and name the file you want."
    unknown_format = (
        "{path}, line {line}: cannot tell the format from {text!r}. Allowed: {formats}. Name one: --format conll"
    )
    no_tag_column = (
        "{path}, line {line}: there are no tags in --column {column} of {text!r}. Allowed: the number of the column "
        "that holds O and tags such as B-per, from 1, or from -1 downwards to count from the last. Name another, or "
        "leave it out. If it is that one: --format conll"
    )
    missing_columns = "{path}, line 1: the header has the columns {found}. {format} needs {needed}."
    bad_csv = "{path}, line {line}: not a CSV row: {reason}. Quote fields that hold commas, quotes or line breaks."
    field_count = "{path}, line {line}: {found} fields in this row, {needed} in the header. Mend the row."
    label_count = (
        "{path}, line {line}: {n_words} words but {n_tags} labels. Both are separated by single spaces; each word has "
        "exactly one label. Mend the row, beginning with {start!r}."
    )
    bad_tag = (
        "{path}, {unit} {line}{place}: {tag!r} is no tag. Allowed: one without white space around it, and without tabs "
        "and line breaks in it: O, B-per. Mend the row."
    )
    odd_tag = (
        "{path}, {unit} {line}{place}: the tag {tag!r} does not fit those before it ({before}). Allowed: O and tags "
        "that all have prefixes of one scheme (B-per), or O and labels without any (per). Mend the row. If all that is "
        "not O is a label as it stands, say so: --tag-scheme plain (one of {schemes})."
    )
    strange_tag = (
        "{path}, {unit} {line}{place}: the tag {tag!r} is not of the scheme {scheme}. Allowed: {allowed}. Mend the "
        "row, or name another scheme than --tag-scheme {scheme}: one of {schemes}."
    )
    no_outside = (
        "{path}, {unit} {line}{place}: the tag {tag!r} has no prefix, and no word has O, so that all would be "
        "entities. Allowed: B-<label> and its like, or labels with O elsewhere. If all words are in entities, say so: "
        "--tag-scheme plain"
    )
    empty_word = "{path}, {unit} {line}{place}: a row without a word. Mend or remove it."
    no_sentence = "{path}, line {line}: a word before the first sentence number. Begin with 'Sentence: 1'."
    few_columns = (
        "{path}, line {line}: one column only: {text!r}. Allowed: word and tag (the first and the last column), "
        "separated by tabs or spaces."
    )
    no_column = (
        "{path}, line {line}: {n} columns, so there is no column {column}: {text!r}. Allowed: --column 1 to {n}, or "
        "-{n} to -1 to count from the last. Mend the row, or name another."
    )
    bad_misc = (
        "{path}, line {line}: {text!r} in a file whose -DOCSTART- row names its document. Allowed there: word, MISC "
        "and tag, divided by tabs, and in MISC _, SpaceAfter=No, Form=<word>, or both, with | between them. Mend the "
        "row, or take Document= out of the -DOCSTART- rows."
    )
    option_of_others = "--{option} {value} is not for the format {format}, but for {formats}. Leave it out."
    unknown_folder = (
        "{path}: a folder in which no known format is recognised. Allowed: a folder that save_to_disk() of datasets "
        "wrote, or a file of {formats}. Name the file that you want."
    )
    same_file = "{path} is read, so it cannot be written. Name another folder for the output."
    no_folder = "{path} is a file, so nothing can be written into it. Name a folder for the output."
    not_written = (
        "{path}: the output cannot be written ({reason}). Allowed: a folder in which you may write, on a disk with "
        "room for it, and some for temporary files in {temporary}. Make room, or name another folder for the output."
    )
    no_room = (
        "{path}: there is no room to unzip it in {temporary} ({reason}). Make room, name another folder for temporary "
        "files in the environment variable TMPDIR, or unzip it yourself and name the file."
    )
    conllu_columns = (
        "{path}, line {line}: {n} columns: {text!r}. CoNLL-U has ten, separated by tabs, of which empty ones are _. "
        "Mend the row, or name the format: --format conll"
    )
    conllu_number = (
        "{path}, line {line}: the number {number!r} where word {expected} is expected. Allowed: {expected}, a token of "
        "several words such as {expected}-7, which hold no other, or an empty node such as 5.1. Mend the row."
    )
    conllu_cut = (
        "{path}, line {line}: the sentence ends with word {last}, within a token of words up to {end}. Complete it, or "
        "fetch the file again."
    )
    two_entities = (
        "{path}, line {line}: the words of the token {word!r} are of two entities: {tags}. Allowed: one. Give the "
        "token a tag in its own row."
    )
    two_tag_keys = (
        "{path}, line {line}: {key}= in {misc!r}, but {first}= on line {at}. Allowed: one key for the tags in a file, "
        "once a word. Remove the other."
    )
    no_tag_key = (
        "{path}: MISC, the last column, gives no word a tag. Its keys are: {found}. Allowed: {keys}= before the tag of "
        "a word, as in NER=B-PER. Rename the key."
    )
    no_pyarrow = (
        "{path}: to read Arrow and Parquet takes pyarrow, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[arrow]'"
    )
    no_pyarrow_to_write = (
        "--to parquet takes pyarrow, which is not installed. Install it: pip install 'spacy-bert-ner[arrow]', or "
        "choose another: --to {others}"
    )
    dataset_splits = (
        "{path}: a folder with the splits {found}. Allowed: the folder of one. Name it, and convert each on its own: "
        "{example}"
    )
    dataset_files = (
        "{path}: the dataset's files are missing: {missing}. Allowed: a folder as save_to_disk() of datasets writes "
        "it. Copy or save it again."
    )
    bad_dataset = (
        "{path}: cannot be read as Arrow or Parquet ({reason}). Allowed: a whole file as datasets or pyarrow write it. "
        "Copy or save it again."
    )
    missing_keys = (
        "{where}: the columns are {found}; {missing} is missing. Allowed: tokens (or words) and ner_tags (or tags, "
        "labels, ner) among them. Rename: dataset.rename_column('text', 'tokens')"
    )
    column_type = (
        "{path}: the column {column} is of type {type}. Allowed: {words} as lists of strings, {tags} as lists of "
        "strings or integers. Cast it: dataset.cast_column('{words}', Sequence(Value('string')))"
    )
    bad_tokens = (
        "{path}, {unit} {line}: {key} = {found} is not allowed. Allowed: a list of strings, one a word. Mend the row."
    )
    bad_spaces = (
        "{path}, {unit} {line}: spaces = {found} is not allowed. Allowed: a list of true and false, one for each of "
        "the {n_words} tokens, or null. Mend the row, or remove the column: dataset.remove_columns('spaces')"
    )
    bad_document = (
        "{path}, {unit} {line}: {key} = {found} is not allowed. Allowed: the document's name or number, or null. "
        "Mend the row, name another column (--document-key), or remove it: dataset.remove_columns('document')"
    )
    bad_ner_tags = (
        "{path}, {unit} {line}: {key} = {found} is not allowed. Allowed: a list of strings, or of numbers that the "
        "schema names, null where unknown. Mend the row."
    )
    tag_count = (
        "{path}, {unit} {line}: {n_words} tokens but {n_tags} {key}. Each token has exactly one tag. Mend the row, "
        "beginning with {start!r}."
    )
    nameless_tag = (
        "{path}, {unit} {line}: the tag {tag} is a number that nothing names. Allowed: strings (B-per), or a "
        "ClassLabel in the schema. Name the numbers with datasets, in the order from 0: "
        "dataset.cast_column('{key}', Sequence(ClassLabel(names=['O', 'B-per', 'I-per']))).save_to_disk('folder')"
    )
    tag_number = (
        "{path}, {unit} {line}: there is no tag {tag}. Allowed: 0 to {last}, which the schema names, and -1 or -100 "
        "for unknown. Mend the row, or the names of the ClassLabel."
    )
    bad_docbin = (
        "{path}: cannot be read as a DocBin after {n} Docs ({reason}). Allowed: a .spacy file as DocBin.to_disk() of "
        "spaCy writes it. Copy or write it again."
    )
    docbin_without_entities = (
        "{path}: this DocBin was written without entities. Allowed: attributes with ENT_IOB and ENT_TYPE. Write it "
        "again: DocBin(attrs=['ENT_IOB', 'ENT_TYPE'])"
    )
    same_name = (
        "{path}, line {line}: the id {name!r} again, which line {first} has. Allowed: an id of its own for each. "
        "Remove the one that is a copy, or mend its id."
    )
    no_document_key = (
        "{path}, line {line}: there is no {key} that could name the document. It has: {found}. Name another field: "
        "--document-key, with dots to those within, such as meta.source"
    )
    no_document_column = (
        "{path}: there is no column {key} that could name the document. Its columns are: {found}. Name one of strings "
        "or whole numbers: --document-key"
    )
    no_document_comment = (
        "{path}: no comment '# {key} = ...' names a document. Name another that stands before sentences: --document-key"
    )
    labels_left_out = "These entities count as O, as labels and label_map say: {listed}"
    labels_not_found = (
        "There is no entity of {missing}, which labels or label_map name. The labels of the data are: {found}"
    )
    no_label_left = (
        "With these labels and label_map no entity is left. The labels of the data are: {found}. Name some of them: "
        "--labels"
    )
    too_many_invalid = (
        "{n} sentences cannot be read, which is more than --skip-invalid {allowed}:\n{listed}\n"
        "Mend them, or allow more: --skip-invalid {more}"
    )
    skipped = "{n} sentences were left out that cannot be read:\n{listed}"
    bad_split = "--split {split} is not allowed. Allowed: two or three whole percentages that add up to 100: 80/10/10."
    split_option = "{option} needs --split: it says how the parts are made. Give both, as in --split 80/10/10 {option}"
    no_documents = (
        "{path}, line {line}: the format {format} names no document for this sentence, so that --by-document cannot "
        "keep documents together. Leave it out, or mark them: -DOCSTART- in conll, # newdoc in conllu, an id in jsonl."
    )
    too_many_tokens = (
        "{n} tokens are more than one .spacy file can hold (4 GiB). Take fewer with --limit, or cut the input."
    )
    copies_moved = "{n} sentences that occur more than once were moved to the part of their first copy."
    near_copies_moved = (
        "{n} sentences that are nearly the same as others were moved to the part of the first of them, such as: "
        "{listed}. If they may be in two parts: --duplicates exact"
    )
    joined_documents = (
        "--split {split} would leave a part empty, as documents that share a sentence of five words or more stay "
        "together: {n} in one piece. If copies may be in two parts: --duplicates keep"
    )
    far_split = (
        "--split {split} came out as {found} percent of the sentences, as documents that share a sentence of five "
        "words or more stay together: {n} in one piece. If copies may be in two parts: --duplicates keep"
    )
    small_split = "{n} sentences are too few for --split {split}: the part '{part}' would be empty. Leave out --split."
    bad_language = "--lang {lang} is not allowed: {reason}"
    texts_left_out = "{n} texts were left out that are not annotated, or whose annotation was rejected"
    annotations_unused = "{n} annotations were not read, as their texts have an earlier one"
    bad_gold = (
        '{path}, line {line}: {found} in tokens. Allowed: {{"text": "Ada", "start": 0, "end": 3}}, with whole '
        "numbers of characters in a text of {n}. Mend the record, or remove its tokens: --lang then cuts the text."
    )
    gold_text = (
        "{path}, line {line}: the token from {start} to {end} is said to be {said}, but there stands {covered}. "
        "Allowed: offsets that count characters (not bytes, nor UTF-16 units), in the text as it stands. Mend the "
        "record, or remove its tokens: --lang then cuts the text."
    )
    gold_order = (
        "{path}, line {line}: the token from {start} to {end}, {covered}, begins before the end, {last}, of the one "
        "before. Allowed: tokens in the order of the text that share no character. Mend the record, or remove its "
        "tokens: --lang then cuts the text."
    )
    gold_gap = (
        "{path}, line {line}: {covered}, from {start} to {end}, is in no token. Allowed: white space alone between "
        "tokens. Mend the record, or remove its tokens: --lang then cuts the text."
    )
    bad_unknown = (
        "{path}, line {line}: {found} in unknown. Allowed: [0, 3], whole numbers of characters in a text of {n}, the "
        "second greater. Mend the record."
    )
    unknown_entity = (
        "{where}: {covered}, from {start} to {end}, is unknown, but a span has tokens of it. Allowed: one "
        "of the two. Remove the other."
    )
    no_text = "{path}, line {line}: the text is {found}. Allowed: a string. Mend the record."
    long_text = (
        "{path}, {unit} {line}: a text of {n} characters. Allowed: at most {allowed}, as in spaCy (nlp.max_length). "
        "Cut it into documents."
    )
    long_record = "{path}, line {line}: a record of more than {allowed} characters. Cut it into several."
    lone_surrogate = (
        "{path}, line {line}: half of a surrogate pair (U+{code:04X}) at character {position} of a string, which no "
        "text can hold. Mend the program that wrote it."
    )
    bad_json = (
        "{path}, line {line}: not JSON: {reason}. Allowed: a JSON object on each line, or one array of them: {text}"
    )
    no_object = '{path}, line {line}: {found} is no JSON object. Allowed: a record such as {{"text": ...}}. Mend it.'
    missing_key = (
        "{path}, line {line}: a record with the keys {found}. It needs {needed}. Mend it, or name its --format."
    )
    bad_answer = "{path}, line {line}: the answer is {answer}. Allowed: {allowed}. Mend the record."
    no_pair = (
        "{path}: there is no {missing}. brat has texts in .txt files and their annotations in .ann files of the same "
        "name. Name a folder of such pairs, or one of the two files."
    )
    bad_standoff = (
        "{path}, line {line}: not a line of brat: {text}. Allowed for a span: T1, tab, label, start and end, tab, its "
        "text, as in 'T1\\tper 0 3\\tAda'. Mend the line."
    )
    spaced_label = (
        "{path}, line {line}: the label {label}, with a space. Allowed in brat: a label without white space, as in "
        "{whole}. Rename it in the .ann files."
    )
    same_id = "{path}, line {line}: {name} again. Allowed: a number of its own for each span. Mend the line."
    text_changed = (
        "{where}: the tokenizer of --lang {lang} does not keep this text as it is. Name another language: --lang xx"
    )
    no_path = (
        "[corpora.{{train,dev}}] path = {path} names no file. Allowed: a file or folder of annotated text, or a list "
        "of them. Fill it in: --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    in_config = (
        "{message}\n(Here what begins with -- is a key of the reader spacy_bert_ner.Corpus.v1: --tag-scheme plain is "
        'tag_scheme = "plain" in its block of the config; --lang is lang of [nlp].)'
    )
    nothing_to_join = (
        "{path}: join = {join}, but no two sentences in succession are of one document. Allowed: join = 0, or a corpus "
        "that names documents, with their sentences in order: -DOCSTART- in conll, # newdoc in conllu, the same "
        "meta.document in several records of jsonl, or .spacy files that convert made of these, without --split or "
        "with --split 80/10/10 --by-document"
    )
    docbin_scheme = (
        "[corpora.{{train,dev}}] tag_scheme = {scheme}, but {path} is a .spacy file, which holds entities and no tags. "
        "Leave it out."
    )
    tags_repaired = "{path}: {n} tags were repaired that broke the rules of {scheme}"
    nothing_to_inspect = "No file to inspect. Allowed: one or more, each of them a split: inspect train.spacy dev.spacy"
    same_input = "{path} is named twice. Allowed: each file once, as each is a split of its own. Leave one out."
    same_output = "{path} is named for --json and for --html. Name another file for one of them."
    html_to_terminal = "--html - is not allowed: a page is for a browser. Name a file: --html page.html"
    no_matplotlib = (
        "{option} {path}: to draw its charts takes matplotlib, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[report]'"
    )
    bad_limit = "--limit {limit} is not allowed. Allowed: a whole number from 1."
