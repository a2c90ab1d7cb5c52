"""Message templates for errors and warnings about checkpoints and their files; `errors` has all others."""

from __future__ import annotations


class CheckpointMessages:
    """Message templates, to fill with `str.format`."""

    checkpoint_missing = (
        "No checkpoint '{name}' was found: there is no such folder, and no readable repository of that name on the "
        "Hugging Face Hub. Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name of a "
        'repository, as in {{"model": {{"name": "dslim/bert-base-NER"}}}}. If the repository is private, log in: hf '
        "auth login. ({reason})"
    )
    checkpoint_gated = (
        "The checkpoint '{name}' is gated: its owner decides on access. Request access on the page of the repository, "
        "and then log in to the Hugging Face Hub: hf auth login. ({reason})"
    )
    checkpoint_offline = (
        "The checkpoint '{name}' is not a local folder, and the Hugging Face Hub cannot be reached: the network is off "
        'or HF_HUB_OFFLINE is set, and it is not in the cache. Allowed: a local folder: {{"model": {{"name": '
        '"path/to/folder"}}}}. Or fill the cache while the network is available: hf download {name}. ({reason})'
    )
    no_name = (
        "No checkpoint {name!r} was found: there is no such folder, and it is not a valid name of a repository on the "
        "Hugging Face Hub. Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name of a "
        "repository, with or without an owner before a '/'. Such a name has only letters, digits, '-', '_' and '.', as "
        'in {{"model": {{"name": "dslim/bert-base-NER"}}}}.'
    )
    no_such_revision = (
        "The checkpoint '{name}' has no revision '{revision}'. Allowed: a commit, branch or tag of that repository, or "
        "null for its main branch."
    )
    checkpoint_damaged = (
        "The checkpoint '{name}' cannot be loaded: {reason}\n"
        "Allowed: config.json, model.safetensors and a tokenizer, as save_pretrained() of transformers writes them. "
        "Save it again, with safetensors."
    )
    graph_damaged = (
        "The graph of '{name}' cannot be run: {reason}\n"
        "Allowed: the ONNX graph of a token classifier. Export it again: python -m spacy bert-ner export PIPELINE OUT; "
        "or, with optimum: optimum-cli export onnx --model CHECKPOINT --task token-classification OUT"
    )
    graph_inputs = (
        "its inputs are {inputs}; {problem}. Required inputs: {required}. Optional inputs: {optional}. Names in "
        "brackets are synonyms. Each input is int32 or int64; the mask may also be bool or float. Each has two "
        "dimensions of any size: windows and subwords."
    )
    graph_outputs = (
        "its outputs are {outputs}. One output must be the logits of {n_tags} tags, the number in config.json. Its "
        "dimensions are windows, subwords and tags, and its type is float16, float32 or float64. If several outputs "
        "fit, one of them must be named logits."
    )
    graph_shape = (
        "its output '{output}' has the shape {shape}, not {expected}: windows, subwords and the {n_tags} tags of "
        "config.json."
    )
    graph_probabilities = (
        "its output '{output}' holds probabilities, as after a softmax. It must hold logits, as before a softmax."
    )
    graph_endless = "it takes more than {seconds:g} seconds for one subword, as if it had a loop that does not end."
    several_graphs = (
        "'{name}' holds several ONNX graphs: {graphs}. Allowed: one of them. Select it: "
        '[components.<name>.model.runtime] @misc = "spacy_bert_ner.OnnxRuntime.v1" and file = "{first}"'
    )
    no_such_graph = (
        "[components.<name>.model.runtime] file = '{file}' is not in the folder '{name}'. Allowed: {graphs}; or null "
        "if there is only one."
    )
    graph_data = (
        "The weights of the graph '{graph}' of '{name}' are in a second file, {data}. Allowed: a graph of one file, of "
        "up to 2 GB. Join them, with onnx installed: python -c \"import onnx; onnx.save(onnx.load('{graph}'), "
        "'{graph}')\"; and delete {data}."
    )
    graph_on_hub = (
        "[components.<name>.model.runtime] is for ONNX graphs, which can only be loaded from folders, but there is no "
        "folder '{name}'. If it is a repository on the Hugging Face Hub, download it: hf download {name} --local-dir "
        '{folder}; and name that folder: {{"model": {{"name": "{folder}"}}}}'
    )
    graph_without_tags = (
        "The config.json of the ONNX graph of '{name}' does not name the tags of the logits (it has {tags}). Allowed: "
        'a tag for each number from 0, as in "id2label": {{"0": "O", "1": "B-per", "2": "I-per"}}, and "architectures" '
        'such as ["BertForTokenClassification"]. Add both, with the tags in the order used in training.'
    )
    pickled = (
        "The weights of '{name}' are not safetensors, but {files}, which can run code when they are loaded. If you "
        'trust them, convert them once: python -c "from transformers import {cls} as M; '
        "M.from_pretrained('{name}').save_pretrained('{name}')\""
    )
    pickled_on_hub = (
        "The weights of '{name}' are not safetensors, but {files}, which can run code when they are loaded. They were "
        'not downloaded. If you trust them, convert them once: python -c "from transformers import {cls} as M, '
        "AutoTokenizer as T; M.from_pretrained('{name}', revision='{commit}', "
        "use_safetensors=False).save_pretrained('{folder}'); T.from_pretrained('{name}', "
        'revision=\'{commit}\').save_pretrained(\'{folder}\')"; and name that folder: {{"model": {{"name": '
        '"{folder}"}}}}'
    )
    adapter = (
        "The checkpoint '{name}' holds an adapter ({file}), which changes the weights if peft is installed. Allowed: "
        "weights without adapters. Merge the adapter once with merge_and_unload() of peft, and save_pretrained() model "
        "and tokenizer to a new folder. If {file} is a leftover, remove it."
    )
    custom_code = (
        "The checkpoint '{name}' requires custom code: {file} has auto_map = {value}. It is never run. Allowed: an "
        "encoder that transformers includes. If this is one, remove auto_map from {file}."
    )
    names_code = (
        "The checkpoint '{name}' requests something a checkpoint may not supply: {file} has {key} = {value}. It is "
        "never imported, opened or downloaded. Allowed: {allowed}. If the checkpoint works without it, remove {key} "
        "from {file}."
    )
    weights_elsewhere = (
        "{source} of the checkpoint '{name}' refers to weights that are not safetensors in its folder: '{file}'. "
        "Allowed: names of safetensors files in that folder. Save it again with save_pretrained()."
    )
    too_large = (
        "config.json of the checkpoint '{name}' describes a far larger model than its weights: {found}. Allowed: "
        "model.safetensors and config.json that were saved together."
    )
    irregular_file = (
        "{file} in {folder} is not a file, but a device, a pipe or a socket, and reading it may never end. Allowed: "
        "files and folders. Remove it."
    )
    damaged_pipeline = (
        "The pipeline {path} is damaged: {damage}. Allowed: a pipeline as nlp.to_disk() writes it. Copy it again from "
        "where it was saved, or save it again."
    )
    config_too_large = (
        "{path} would have more than {most:,} characters after its variables are filled in. Allowed: a config as "
        "nlp.to_disk() writes it. Save the pipeline again."
    )
    file_too_large = (
        "{file} of the checkpoint '{name}' has {size:,} bytes. Allowed: {most:,}. Save it again from the original "
        "checkpoint."
    )
    too_many_tags = "config.json of the checkpoint '{name}' has {n} tags in {key}. Allowed: {most}."
    bad_cfg = "{path} cannot be read: {reason}. Allowed: a file as nlp.to_disk() writes it. Save the pipeline again."
    bad_bytes = (
        "The bytes for '{name}' cannot be read: {reason}. Allowed: the unchanged output of to_bytes() of the same "
        "component."
    )
    no_sums = (
        "{folder} has no sha256.json, as after an interrupted copy or deletion. Copy the pipeline again from where it "
        "was saved. If you assembled its files yourself, write {{}} into sha256.json there, and save the pipeline "
        "again."
    )
    empty_sums = (
        "sha256.json in {folder} lists no files, so the files there were not checked for changes since they were "
        "saved. Save the pipeline again: nlp.to_disk(...)"
    )
    sums_differ = (
        "The files in {folder} are not those that were saved: {found}. Copy the pipeline again from where it was "
        "saved. If you changed them yourself, write {{}} into sha256.json there, and save the pipeline again."
    )
    bad_sums = (
        "{path} cannot be read: {reason}. Allowed: a file as nlp.to_disk() writes it. Copy the pipeline again from "
        "where it was saved."
    )
    bad_id2label = (
        "config.json of the checkpoint '{name}' has id2label = {value}. Allowed: a tag for each number from 0, as in "
        '{{"0": "O", "1": "B-per", "2": "I-per"}}. Fix the file.'
    )
    other_shapes = "its config.json does not fit the shapes of these weights: {keys}"
    no_tokenizer = (
        "The checkpoint '{name}' has no tokenizer that can be loaded. Allowed: tokenizer.json in the folder of "
        "config.json. If there are only older files, create it, with sentencepiece and protobuf installed: "
        "AutoTokenizer.from_pretrained('{name}').save_pretrained('{name}'). ({reason})"
    )
    tokenizer_failed = (
        "The tokenizer of '{name}' fails on a text: {reason}. Its tokenizer.json is damaged, or has a regular "
        "expression that backtracks too often. Allowed: a tokenizer that can process any text. Omit that text, or save "
        "the tokenizer again."
    )
    bad_tokenizer = (
        "The checkpoint '{name}' has no tokenizer that can be loaded safely: in {file} {reason}. Save the tokenizer "
        "again from the original checkpoint."
    )
    no_subwords = "it produces no subword of any text in its vocabulary"
    random_weights = (
        "The checkpoint '{name}' lacks weights of its encoder, so these are random: {keys}. Allowed: model.safetensors "
        "and config.json that were saved together."
    )
    unused_weights = (
        "The checkpoint '{name}' has {count} that {cls} does not read: {keys}. Its results differ from those of the "
        "saved model. If that matters, save it again without such layers, and with adapters merged."
    )
    other_head = (
        "The head of the checkpoint '{name}' differs from that of {cls}, a linear layer on the encoder: {count} are "
        "not read ({keys}). Without them the results would be wrong. Train the head on labelled examples, with "
        "nlp.initialize() and nlp.update(); or name a checkpoint without such layers."
    )
    wrapped_weights = (
        "The names of all weights in the checkpoint '{name}' begin with '{prefix}', so none of them is read: {wrapper} "
        'was saved, not the model itself. Remove the prefix once: {fetch}python -c "from pathlib import Path; from '
        "safetensors.torch import load, save_file; d = Path('{folder}'); save_file({{k.removeprefix('{prefix}'): v for "
        "f in {files} for k, v in load((d / f).read_bytes()).items()}}, d / 'model.safetensors', {{'format': "
        "'pt'}})\"{then}"
    )
    peft_weights = (
        "The weights of the checkpoint '{name}' are those of a peft model: their names begin with '{prefix}'. Merge "
        "the adapters once with merge_and_unload() of peft, and save_pretrained() model and tokenizer to a new folder."
    )
    fetch_first = "hf download {name} --local-dir {folder}; "
    name_folder = '; and name that folder: {{"model": {{"name": "{folder}"}}}}'
    head_unreadable = (
        "The trained head of '{name}' is replaced with a new one, since its tags cannot be read. {reason} To keep it, "
        "set its scheme: tag_scheme."
    )
    unknown_subword = (
        "The tokenizer of '{name}' returned the subword {subword}, but its encoder only knows {n}. Allowed: a "
        "tokenizer that was saved with the encoder, or one whose added tokens were also added with "
        "resize_token_embeddings()."
    )
    trained_layers_reset = (
        "'{name}' was fine-tuned for tagging, and [components.<name>.model] reset_layers = {n} discards what its "
        'highest layers have learned. To keep it: --components.<name>.model.reset_layers "auto"'
    )
    head_replaced = (
        "The trained head of '{name}' lacks {missing}, so it is replaced with a newly initialised head for {labels}. "
        "To keep it, and its labels {old}, add the missing labels before nlp.initialize(): add_label({first!r})"
    )
    checkpoint_is_encoder = (
        "'{name}' is an encoder: it has no trained tag head (its tags are {tags}). To give it one, train it: python -m "
        "spacy train configs/bert_ner.cfg --components.bert_ner.model.name {name} --paths.train corpus/train.spacy "
        "--paths.dev corpus/dev.spacy"
    )
    slow_tokenizer = (
        "The tokenizer of '{name}' ({cls}) is not a fast one, so it provides no character offsets. {advice}"
    )
    slow_but_same = (
        '{fast} produces the same subwords. Save the tokenizer with it once{installed}: {fetch}python -c "from '
        "transformers import {fast} as T; T.from_pretrained('{folder}'{options}).save_pretrained('{folder}')\"{then}"
    )
    slow_installed = ", with sentencepiece and protobuf installed"
    slow_words = (
        "It first splits text into words with {splitter}, which no fast tokenizer does, so it cannot be converted. "
        "Train a new head on this encoder, in a component of spacy-transformers, which needs no offsets: pip install "
        "'spacy-bert-ner[spacy-transformers]'; python -m spacy train configs/shared_transformer.cfg "
        "--components.transformer.model.name {name} --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    slow_japanese_characters = (
        'Its subwords are characters, so a fast one can be made: see "Tokenizers that are not fast" in '
        "docs/component.md, and run the code there once."
    )
    slow_segmented = (
        "It expects text whose words VnCoreNLP has joined (`sinh_viên`). Running text is not segmented like that, so a "
        "fast one would not help."
    )
    slow_tweets = (
        "It is for tweets in which names, addresses and emojis were replaced (`@USER`, `HTTPURL`, `:smile:`), which no "
        "fast tokenizer does."
    )
    slow_characters = "Its subwords are characters or bytes, and it has no file from which a fast one could be made."
    slow_shapes = "It also returns the shape and the sound of each character, which a fast one cannot."
    slow_proteins = "It is for sequences of amino acids, not for text."
    slow_other = (
        "Allowed: a checkpoint with tokenizer.json. If a fast class of transformers produces the same subwords, save "
        "the tokenizer with that class once. Otherwise:"
    )
    slow_another = (
        "Train another encoder, such as FacebookAI/xlm-roberta-base: python -m spacy train configs/bert_ner.cfg "
        "--components.bert_ner.model.name FacebookAI/xlm-roberta-base --paths.train corpus/train.spacy --paths.dev "
        "corpus/dev.spacy"
    )
    unsupported_architecture = (
        "The checkpoint '{name}' has the architecture '{kind}', which cannot process plain text here: {reason}. "
        'Allowed: a text encoder, such as BERT, RoBERTa, DeBERTa or ModernBERT, as in {{"model": {{"name": '
        '"dslim/bert-base-NER"}}}}.'
    )
    fixed_length = (
        "The checkpoint '{name}' is a Nyströmformer with num_landmarks = {landmarks} and segment_means_seq_len = "
        "{length}. Such a model only processes texts of exactly {length} subwords. Allowed: both settings equal, so "
        'that it computes full attention with the same weights. Set in its config.json: "num_landmarks": {length}'
    )
