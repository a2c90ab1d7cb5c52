"""The messages about checkpoints and their files; see `errors`, which has all others."""

from __future__ import annotations


class CheckpointMessages:
    """Message templates, filled with `str.format`."""

    checkpoint_missing = (
        "No checkpoint '{name}' was found: there is no such folder, and no such repository on the Hugging Face Hub "
        "that may be read. Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name of a "
        'repository, as in {{"model": {{"name": "dslim/bert-base-NER"}}}}. Where it is private: hf auth login. '
        "({reason})"
    )
    checkpoint_gated = (
        "The checkpoint '{name}' is gated: its owner says who may read it. Ask on the page of the repository, and then "
        "tell the Hugging Face Hub who you are: hf auth login. ({reason})"
    )
    checkpoint_offline = (
        "The checkpoint '{name}' is no folder here, and the Hugging Face Hub cannot be reached: the network is off or "
        'HF_HUB_OFFLINE is set, and it is not in the cache. Allowed: a local folder: {{"model": {{"name": '
        '"path/to/folder"}}}}; or fill the cache while there is a network: hf download {name}. ({reason})'
    )
    no_name = (
        "No checkpoint {name!r} was found: there is no such folder, and no repository on the Hugging Face Hub can be "
        "called that. Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name of a "
        "repository, of letters, digits, '-', '_' and '.', with an owner before a '/' or without, as in "
        '{{"model": {{"name": "dslim/bert-base-NER"}}}}.'
    )
    no_such_revision = (
        "The checkpoint '{name}' has no revision '{revision}'. Allowed: a commit, branch or tag of that repository, or "
        "null for its main branch."
    )
    checkpoint_damaged = (
        "The checkpoint '{name}' cannot be opened: {reason}\n"
        "Allowed: config.json, model.safetensors and a tokenizer, as save_pretrained() of transformers writes them. "
        "Save it again, with safetensors."
    )
    graph_damaged = (
        "The graph of '{name}' cannot be run: {reason}\n"
        "Allowed: the ONNX graph of a token classifier. Export it again: python -m spacy bert-ner export PIPELINE OUT; "
        "or, with optimum: optimum-cli export onnx --model CHECKPOINT --task token-classification OUT"
    )
    graph_inputs = (
        "it takes {takes}; {problem}. It has to take {required}. It may also take {optional}. Names in brackets mean "
        "the same. Each is int32 or int64; the mask may also be bool or float. Each has two dimensions, windows and "
        "subwords, of any size."
    )
    graph_outputs = (
        "it gives {gives}. It has to give the logits of {n_tags} tags, the number in config.json. They have the "
        "dimensions windows, subwords, tags, and are float16, float32 or float64. If several outputs fit, one of them "
        "has to be named logits."
    )
    graph_shape = (
        "its output '{output}' has the shape {found}, not {expected}: windows, subwords and the {n_tags} tags that "
        "config.json has."
    )
    graph_probabilities = (
        "its output '{output}' holds probabilities, as after a softmax. It has to give logits, as before a softmax."
    )
    graph_endless = "it takes more than {seconds:g} seconds for one subword, as where it has a loop that does not end."
    several_graphs = (
        "'{name}' holds several ONNX graphs: {found}. Allowed: one of them. Name it: [components.<name>.model.runtime] "
        '@misc = "spacy_bert_ner.OnnxRuntime.v1" and file = "{first}"'
    )
    no_such_graph = (
        "[components.<name>.model.runtime] file = '{file}' is not in the folder '{name}'. Allowed: {found}; or null if "
        "there is only one."
    )
    graph_data = (
        "The weights of the graph '{graph}' of '{name}' are in a second file, {data}. Allowed: a graph of one file, of "
        "up to 2 GB. Join them, with onnx installed: python -c \"import onnx; onnx.save(onnx.load('{graph}'), "
        "'{graph}')\"; and delete {data}."
    )
    graph_on_hub = (
        "[components.<name>.model.runtime] is for ONNX graphs, which are opened from folders only, but there is no "
        "folder '{name}'. If it is a repository on the Hugging Face Hub, download it: hf download {name} --local-dir "
        '{folder}; and name that folder: {{"model": {{"name": "{folder}"}}}}'
    )
    graph_without_tags = (
        "config.json beside the ONNX graph of '{name}' does not name the tags of the logits (it has {tags}). Allowed: "
        'a tag for each number from 0, as in "id2label": {{"0": "O", "1": "B-per", "2": "I-per"}}, and "architectures" '
        'such as ["BertForTokenClassification"]. Add them, in the order in which the model was trained.'
    )
    pickled = (
        "The weights of '{name}' are not safetensors, but {found}, which can run code when they are read. Where you "
        'trust them, convert them once: python -c "from transformers import {cls} as M; '
        "M.from_pretrained('{name}').save_pretrained('{name}')\""
    )
    pickled_on_hub = (
        "The weights of '{name}' are not safetensors, but {found}, which can run code when they are read. None was "
        'fetched. Where you trust them, convert them once: python -c "from transformers import {cls} as M, '
        "AutoTokenizer as T; M.from_pretrained('{name}', revision='{commit}', use_safetensors=False)"
        ".save_pretrained('{folder}'); T.from_pretrained('{name}', revision='{commit}').save_pretrained('{folder}')\"; "
        'and name that folder: {{"model": {{"name": "{folder}"}}}}'
    )
    adapter = (
        "The checkpoint '{name}' holds an adapter ({file}): where peft is installed, it changes the weights. "
        "Allowed: weights alone. Merge them once, with merge_and_unload() of peft, and save_pretrained() model and "
        "tokenizer in a new folder; or remove {file}, where it is left over."
    )
    custom_code = (
        "The checkpoint '{name}' asks for code of its own: {file} has auto_map = {found}. It is never run. Allowed: an "
        "encoder that transformers has. If this is one, remove auto_map from {file}."
    )
    names_code = (
        "The checkpoint '{name}' asks for what it may not bring: {file} has {key} = {found}. It is never imported, "
        "opened or fetched. Allowed: {allowed}. If the checkpoint does without, remove {key} from {file}."
    )
    weights_elsewhere = (
        "{source} of the checkpoint '{name}' names weights elsewhere: '{file}'. Allowed: names of safetensors files in "
        "that folder. Save it again with save_pretrained()."
    )
    too_large = (
        "config.json of the checkpoint '{name}' asks for far more than its file has: {found}. Allowed: "
        "model.safetensors and config.json that were saved together."
    )
    irregular_file = (
        "{file} in {folder} is no file, but a device, a pipe or a socket, which may never end. Allowed: files and "
        "folders. Remove it."
    )
    damaged_pipeline = (
        "The pipeline {path} is damaged: {damage}. Allowed: as nlp.to_disk() writes it. Copy it again from where "
        "it was saved, or save it again."
    )
    config_too_large = (
        "{path} would have more than {most:,} characters with its variables filled in. Allowed: a config as "
        "nlp.to_disk() writes it. Save the pipeline again."
    )
    file_too_large = (
        "{file} of the checkpoint '{name}' has {size:,} bytes. Allowed: {most:,}. Save it again, from where the "
        "checkpoint comes."
    )
    too_many_tags = "config.json of the checkpoint '{name}' has {n} tags in {key}. Allowed: {most}."
    bad_cfg = "{path} cannot be read: {reason}. Allowed: as nlp.to_disk() writes it. Save the pipeline again."
    bad_bytes = (
        "The bytes for '{name}' cannot be read: {reason}. Allowed: what to_bytes() of the same component has written, "
        "as it is."
    )
    no_sums = (
        "{folder} has no sha256.json, as where it was being copied or deleted and that did not end. Copy the pipeline "
        "again from where it was saved; or, where you have put its files together yourself, write {{}} into "
        "sha256.json there, and save it again."
    )
    empty_sums = (
        "sha256.json in {folder} names no file, so that it was not checked whether those that are there are as they "
        "were saved. Save the pipeline again: nlp.to_disk(...)"
    )
    sums_differ = (
        "The files in {folder} are not those that were saved: {found}. Copy the pipeline again from where it was "
        "saved; or, where you have changed them yourself, write {{}} into sha256.json there, and save it again."
    )
    bad_sums = (
        "{path} cannot be read: {reason}. Allowed: as nlp.to_disk() writes it. Copy the pipeline again from where it "
        "was saved."
    )
    bad_id2label = (
        "config.json of the checkpoint '{name}' has id2label = {found}. Allowed: a tag for each number from 0, as in "
        '{{"0": "O", "1": "B-per", "2": "I-per"}}. Mend the file.'
    )
    other_shapes = "its config.json does not fit the shapes of these weights: {keys}"
    no_tokenizer = (
        "The checkpoint '{name}' has no tokenizer that can be read. Allowed: tokenizer.json beside config.json. Where "
        "there are only older files, make it, with sentencepiece and protobuf installed: "
        "AutoTokenizer.from_pretrained('{name}').save_pretrained('{name}'). ({reason})"
    )
    tokenizer_failed = (
        "The tokenizer of '{name}' fails on a text: {reason}. Its tokenizer.json is damaged, or has a regular "
        "expression that goes back too often. Allowed: a tokenizer that reads any text. Leave that text out, or save "
        "the tokenizer again."
    )
    bad_tokenizer = (
        "The checkpoint '{name}' has no tokenizer that can be read safely: in {file} {reason}. Save the tokenizer "
        "again, from where the checkpoint comes."
    )
    no_subwords = "it makes no subword of any text in its vocabulary"
    random_weights = (
        "The checkpoint '{name}' lacks weights of its encoder, so that these are random: {keys}. Allowed: "
        "model.safetensors and config.json that were saved together."
    )
    unused_weights = (
        "The checkpoint '{name}' has {count} that {cls} does not read: {keys}. Its results differ from those of the "
        "model that was saved. Where that matters, save it again without such layers, and adapters merged."
    )
    other_head = (
        "The checkpoint '{name}' has another head than {cls}, a linear layer on the encoder: {count} are not read "
        "({keys}). Without them the results would be wrong. Train the head on labelled examples, with "
        "nlp.initialize() and nlp.update(); or name a checkpoint without such layers."
    )
    wrapped_weights = (
        "The names of all weights in the checkpoint '{name}' begin with '{prefix}', so that none is read: {wrapper} "
        'was saved, not the model itself. Take the prefix off once: {fetch}python -c "from pathlib import Path; from '
        "safetensors.torch import load, save_file; d = Path('{folder}'); save_file({{k.removeprefix('{prefix}'): v "
        "for f in {files} for k, v in load((d / f).read_bytes()).items()}}, d / 'model.safetensors', "
        "{{'format': 'pt'}})\"{then}"
    )
    peft_weights = (
        "The weights of the checkpoint '{name}' are those of a model of peft: their names begin with '{prefix}'. Merge "
        "the adapters once, with merge_and_unload() of peft, and save_pretrained() model and tokenizer in a new folder."
    )
    fetch_first = "hf download {name} --local-dir {folder}; "
    name_folder = '; and name that folder: {{"model": {{"name": "{folder}"}}}}'
    head_unreadable = (
        "The trained head of '{name}' gives way to a new one, since its tags cannot be read. {reason} To keep it, name "
        "its scheme: tag_scheme."
    )
    unknown_subword = (
        "The tokenizer of '{name}' gave the subword {subword}, but its encoder knows {n} only. Allowed: a tokenizer "
        "that was saved with the encoder, or one whose tokens were added by resize_token_embeddings() too."
    )
    trained_layers_reset = (
        "'{name}' was fine-tuned for tags, and [components.<name>.model] reset_layers = {n} discards what its highest "
        'layers have learned. To keep it: --components.<name>.model.reset_layers "auto"'
    )
    head_replaced = (
        "The trained head of '{name}' has no {missing}, so it gives way to a new one for {labels}. To keep it, and its "
        "labels {old}, add what it lacks before nlp.initialize(): add_label({first!r})"
    )
    checkpoint_is_encoder = (
        "'{name}' is an encoder: it has no trained tag head (its tags are {tags}). To give it one, train it: "
        "python -m spacy train configs/bert_ner.cfg --components.bert_ner.model.name {name} "
        "--paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    slow_tokenizer = "The tokenizer of '{name}' ({cls}) is not a fast one, so it gives no character offsets. {advice}"
    slow_but_same = (
        '{fast} makes the same subwords. Save the tokenizer with it once{installed}: {fetch}python -c "from '
        "transformers import {fast} as T; T.from_pretrained('{folder}'{options}).save_pretrained('{folder}')\"{then}"
    )
    slow_installed = ", with sentencepiece and protobuf installed"
    slow_words = (
        "It cuts text into words with {splitter} first, which no fast tokenizer does, so that it cannot be converted. "
        "Train a new head on this encoder, in a component of spacy-transformers, which needs no offsets: pip install "
        "'spacy-bert-ner[spacy-transformers]'; python -m spacy train configs/shared_transformer.cfg "
        "--components.transformer.model.name {name} --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    slow_japanese_characters = (
        'Its subwords are characters, so that a fast one can be made: see "Tokenizers that are not fast" in '
        "docs/component.md, and run the code there once."
    )
    slow_segmented = (
        "It takes text whose words VnCoreNLP has put together (`sinh_viên`), which running text is not, so that a fast "
        "one would not help."
    )
    slow_tweets = (
        "It is for tweets in which names, addresses and emojis were replaced (`@USER`, `HTTPURL`, `:smile:`), which no "
        "fast tokenizer does."
    )
    slow_characters = "Its subwords are characters or bytes, and it has no file that a fast one could be made of."
    slow_shapes = "It also gives the shape and the sound of each character, which a fast one cannot."
    slow_proteins = "It is for sequences of amino acids, not for text."
    slow_other = (
        "Allowed: a checkpoint with tokenizer.json. If a fast class of transformers makes the same subwords, save the "
        "tokenizer with that class once. Otherwise:"
    )
    slow_another = (
        "Train another encoder, such as FacebookAI/xlm-roberta-base: python -m spacy train configs/bert_ner.cfg "
        "--components.bert_ner.model.name FacebookAI/xlm-roberta-base --paths.train corpus/train.spacy "
        "--paths.dev corpus/dev.spacy"
    )
    unsupported_architecture = (
        "The checkpoint '{name}' has the architecture '{kind}', which cannot read plain text here: {reason}. Allowed: "
        'a text encoder, such as BERT, RoBERTa, DeBERTa or ModernBERT, as in {{"model": {{"name": '
        '"dslim/bert-base-NER"}}}}.'
    )
    fixed_length = (
        "The checkpoint '{name}' is a Nyströmformer with num_landmarks = {landmarks} and segment_means_seq_len = "
        "{length}, which reads only texts of exactly {length} subwords. Allowed: both settings equal, so that it "
        'computes full attention with the same weights. Set in its config.json: "num_landmarks": {length}'
    )
