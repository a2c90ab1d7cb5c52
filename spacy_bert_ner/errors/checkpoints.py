"""Define the message templates for errors and warnings about checkpoints and their files."""

from __future__ import annotations


class CheckpointMessages:
    """The templates for messages about checkpoints, to be filled in with `str.format`."""

    checkpoint_missing = (
        "No checkpoint '{name}' was found: there is no such folder, and the Hugging Face Hub has no readable "
        "repository with that name. Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name "
        'of a repository, as in {{"model": "dslim/bert-base-NER"}}. If the repository is private, log in: '
        "hf auth login. Reason: {reason}"
    )
    checkpoint_is_pipeline = (
        "'{name}' is a saved spaCy pipeline, not a checkpoint. Load the pipeline: spacy.load(\"{name}\").{use}"
    )
    checkpoint_is_component = "'{name}' has no config.json, so it is not a checkpoint.{use}"
    checkpoint_inside = " To use only the checkpoint in it: {inside}"
    checkpoint_gated = (
        "The checkpoint '{name}' is gated: its owner must grant access. Request access on the repository's page, then "
        "log in to the Hugging Face Hub: hf auth login. Reason: {reason}"
    )
    checkpoint_offline = (
        "The checkpoint '{name}' is not a local folder and is not in the cache. The Hugging Face Hub cannot be "
        "reached, because the network is unavailable or HF_HUB_OFFLINE is set. Allowed: a local folder, as in "
        '{{"model": "path/to/folder"}}. Alternatively, download the checkpoint to the cache while the network is '
        "available: hf download {name}. Reason: {reason}"
    )
    no_name = (
        "No checkpoint {name!r} was found: there is no such folder, and it is not a valid repository name on the "
        "Hugging Face Hub. Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name of a "
        "repository, with or without an owner before a '/'. A repository name contains only letters, digits, '-', '_' "
        'and \'.\', as in {{"model": "dslim/bert-base-NER"}}.'
    )
    no_such_revision = (
        "The checkpoint '{name}' has no revision '{revision}'. Allowed: a commit, branch or tag in its repository, or "
        "null for the main branch. To use the main branch: [components.<name>.model] revision = null"
    )
    checkpoint_damaged = (
        "The checkpoint '{name}' cannot be loaded: {reason}\n"
        "Allowed: config.json, model.safetensors and a tokenizer, as written by save_pretrained() in transformers. "
        "Save the checkpoint again in the safetensors format."
    )
    graph_damaged = (
        "The ONNX graph of '{name}' cannot be run: {reason}\n"
        "Allowed: an ONNX graph for token classification. Export it again with python -m spacy bert-ner export "
        "PIPELINE OUT, or with optimum: optimum-cli export onnx --model CHECKPOINT --task token-classification OUT"
    )
    graph_inputs = (
        "its inputs are {inputs}, but {problem}. Required inputs: {required}. Optional inputs: {optional}. The names "
        "in parentheses are synonyms. Each input must be int32 or int64, but the mask may also be bool or float. Each "
        "input must have two dimensions of any size: windows and subwords."
    )
    graph_outputs = (
        "its outputs are {outputs}. One output must contain the logits for {n_tags} tags, the number of tags in "
        "config.json. Its dimensions must be windows, subwords and tags, and its type must be float16, float32 or "
        "float64. If several outputs fit, one of them must be named logits."
    )
    graph_shape = (
        "its output '{output}' has the shape {shape}, but the shape must be {expected}: windows, subwords and the "
        "{n_tags} tags in config.json."
    )
    graph_probabilities = (
        "its output '{output}' contains probabilities, as after a softmax. It must contain the logits before the "
        "softmax."
    )
    graph_endless = "it takes more than {seconds:g} seconds to process one subword, so it may contain an infinite loop."
    several_graphs = (
        "'{name}' contains several ONNX graphs: {graphs}. Allowed: one of them. Select one: "
        '[components.<name>.model.runtime] @misc = "spacy_bert_ner.OnnxRuntime.v1" and file = "{first}"'
    )
    no_such_graph = (
        "[components.<name>.model.runtime] file = '{file}' does not exist in the folder '{name}'. Allowed: {graphs}. "
        "If there is only one graph, null is also allowed."
    )
    graph_data = (
        "The weights of the graph '{graph}' in '{name}' are in a second file, {data}. Allowed: a graph in a single "
        'file of at most 2 GB. Install onnx and join the files: python -c "import onnx; '
        "onnx.save(onnx.load('{graph}'), '{graph}')\". Then delete {data}."
    )
    graph_on_hub = (
        "[components.<name>.model.runtime] requires an ONNX graph in a local folder, but there is no folder '{name}'. "
        "If it is a repository on the Hugging Face Hub, download it: hf download {name} --local-dir {folder}. Then "
        'specify that folder: {{"model": {{"name": "{folder}"}}}}'
    )
    graph_without_tags = (
        "The config.json for the ONNX graph '{name}' does not specify which tags the logits represent. It contains "
        'these tags: {tags}. Allowed: a tag for each number from 0, as in "id2label": {{"0": "O", "1": "B-per", "2": '
        '"I-per"}}, and a class name, as in "architectures": ["BertForTokenClassification"]. Add both, with the tags '
        "in the order used in training."
    )
    pickled = (
        "The weights of '{name}' are in {files}, which can run code when loaded. Allowed: safetensors files. If you "
        'trust the weights, convert them once: python -c "from transformers import {cls} as M; '
        "M.from_pretrained('{name}').save_pretrained('{name}')\""
    )
    pickled_on_hub = (
        "The weights of '{name}' are in {files}, which can run code when loaded, so they were not downloaded. Allowed: "
        'safetensors files. If you trust the weights, convert them once: python -c "from transformers import {cls} as '
        "M, AutoTokenizer as T; M.from_pretrained('{name}', revision='{commit}', "
        "use_safetensors=False).save_pretrained('{folder}'); T.from_pretrained('{name}', "
        'revision=\'{commit}\').save_pretrained(\'{folder}\')". Then specify that folder: {{"model": {{"name": '
        '"{folder}"}}}}'
    )
    adapter = (
        "The checkpoint '{name}' contains an adapter ({file}), which changes the weights if peft is installed. "
        "Allowed: weights without adapters. Merge the adapter with merge_and_unload() from peft, then save the "
        "model and the tokenizer to a new folder with save_pretrained(). If {file} is a leftover, remove it."
    )
    custom_code = (
        "The checkpoint '{name}' requires custom code, which is never run: {file} has auto_map = {value}. Allowed: an "
        "encoder that transformers includes. If the checkpoint has such an encoder, remove auto_map from {file}."
    )
    names_code = (
        "The checkpoint '{name}' has an unsafe setting: {file} has {key} = {value}. This value is never imported, "
        "opened or downloaded. Allowed: {allowed}. If the checkpoint works without the setting, remove {key} from "
        "{file}."
    )
    weights_elsewhere = (
        "{source} of the checkpoint '{name}' refers to '{file}', which is not a safetensors file in the checkpoint's "
        "folder. Allowed: names of safetensors files in that folder. Save the checkpoint again with save_pretrained()."
    )
    too_large = (
        "config.json of the checkpoint '{name}' describes a model that is far too large for its weights: {found}. "
        "Allowed: model.safetensors and config.json that were saved together. Save the checkpoint again."
    )
    irregular_file = (
        "{file} in {folder} is a device, a pipe or a socket, so reading it may never end. Allowed: regular files and "
        "folders. Remove {file}."
    )
    damaged_pipeline = (
        "The pipeline {path} is damaged: {damage}. Allowed: a pipeline written by nlp.to_disk(). Copy it again from "
        "the original, or save it again."
    )
    config_too_large = (
        "{path} has more than {most:,} characters once its variables are interpolated. Allowed: a config written by "
        "nlp.to_disk(). Save the pipeline again."
    )
    file_too_large = (
        "{file} of the checkpoint '{name}' has {size:,} bytes. Allowed: at most {most:,}. Save the checkpoint again "
        "from the original."
    )
    too_many_tags = (
        "config.json of the checkpoint '{name}' has {n} tags in {key}. Allowed: at most {most}. Use a checkpoint with "
        "fewer tags."
    )
    bad_cfg = "{path} cannot be read: {reason}. Allowed: a file written by nlp.to_disk(). Save the pipeline again."
    bad_bytes = (
        "The bytes for '{name}' cannot be read: {reason}. Allowed: the unchanged output of to_bytes() from the same "
        "component. Call to_bytes() again and pass the result."
    )
    no_sums = (
        "{folder} has no sha256.json, perhaps because a copy or a deletion was interrupted. Copy the pipeline again "
        "from the original. If you assembled its files yourself, write {{}} to sha256.json in that folder, then load "
        "the pipeline and save it again."
    )
    empty_sums = (
        "sha256.json in {folder} lists no files, so the files were not checked for changes since they were saved. To "
        "add their checksums, save the pipeline again: nlp.to_disk(...)"
    )
    sums_differ = (
        "The files in {folder} differ from those that were saved: {found}. Copy the pipeline again from the original. "
        "If you changed the files yourself, write {{}} to sha256.json in that folder, then load the pipeline and save "
        "it again."
    )
    bad_sums = (
        "{path} cannot be read: {reason}. Allowed: a file written by nlp.to_disk(). Copy the pipeline again from the "
        "original."
    )
    bad_id2label = (
        "config.json of the checkpoint '{name}' has id2label = {value}, which is invalid. Allowed: a tag for each "
        'number from 0, as in {{"0": "O", "1": "B-per", "2": "I-per"}}. Correct the file.'
    )
    other_shapes = "its config.json does not match the shapes of these weights: {keys}"
    no_tokenizer = (
        "The checkpoint '{name}' has no tokenizer that can be loaded. Allowed: tokenizer.json in the folder with "
        "config.json. If the folder has only older tokenizer files, install sentencepiece and protobuf, and create "
        "tokenizer.json: "
        "AutoTokenizer.from_pretrained('{name}').save_pretrained('{name}'). Reason: {reason}"
    )
    tokenizer_failed = (
        "The tokenizer of '{name}' failed on a text: {reason}. Its tokenizer.json is damaged, or contains a regular "
        "expression that backtracks too often. Allowed: a tokenizer that can process any text. Omit that text, or save "
        "the tokenizer again."
    )
    bad_tokenizer = (
        "The tokenizer of the checkpoint '{name}' cannot be loaded safely. In {file}, {reason}. Save the tokenizer "
        "again from the original checkpoint."
    )
    no_subwords = "it produces no subwords for any entry in its vocabulary"
    random_weights = (
        "The checkpoint '{name}' lacks some weights of its encoder, so these are random: {keys}. Allowed: "
        "model.safetensors and config.json that were saved together. Save the checkpoint again."
    )
    unused_weights = (
        "The checkpoint '{name}' has {count} that {cls} does not use: {keys}. Its results therefore differ from those "
        "of the saved model. If that matters, save the checkpoint again without these weights and with all adapters "
        "merged."
    )
    other_head = (
        "The head of the checkpoint '{name}' is not the head of {cls}, which is a linear layer on top of the encoder. "
        "{cls} would ignore {count} ({keys}), so the results would be wrong. Train a head on labelled examples with "
        "nlp.initialize() and nlp.update(), or specify a checkpoint whose head is such a layer."
    )
    wrapped_weights = (
        "The names of all weights in the checkpoint '{name}' begin with '{prefix}', so none of the weights can be "
        "used. This happens if {wrapper} is saved instead of the model itself. To remove the prefix, run this command "
        "once: {fetch}python "
        "-c \"from pathlib import Path; from safetensors.torch import load, save_file; d = Path('{folder}'); "
        "save_file({{k.removeprefix('{prefix}'): v for f in {files} for k, v in load((d / f).read_bytes()).items()}}, "
        "d / 'model.safetensors', {{'format': 'pt'}})\"{then}"
    )
    peft_weights = (
        "The checkpoint '{name}' was saved from a peft model: the names of its weights begin with '{prefix}'. Merge "
        "the adapters with merge_and_unload() from peft, then save the model and the tokenizer to a new folder "
        "with save_pretrained()."
    )
    fetch_first = "hf download {name} --local-dir {folder}; "
    name_folder = '. Then specify that folder: {{"model": {{"name": "{folder}"}}}}'
    head_unreadable = (
        "The trained head of '{name}' is replaced with a new head, because its tags cannot be interpreted. {reason} To "
        "keep the trained head, set tag_scheme to the scheme of its tags."
    )
    unknown_subword = (
        "The tokenizer of '{name}' returned the subword ID {subword}, but the encoder has only {n} subwords. Allowed: "
        "a tokenizer that was saved with the encoder, or one whose added tokens were also added to the encoder with "
        "resize_token_embeddings(). Save the encoder and the tokenizer together again."
    )
    trained_layers_reset = (
        "'{name}' was fine-tuned for tagging, but [components.<name>.model] reset_layers = {n} discards what its top "
        'layers have learned. To keep it: --components.<name>.model.reset_layers "auto"'
    )
    head_replaced = (
        "The trained head of '{name}' lacks {missing}, so it is replaced with a newly initialised head for {labels}. "
        "To keep the trained head with its labels {old}, add the missing labels before nlp.initialize(): "
        "add_label({first!r})"
    )
    checkpoint_is_encoder = (
        "'{name}' is an encoder without a trained tag head. Its config.json gives these tags: {tags}. Train a head: "
        "python -m spacy train configs/bert_ner.cfg --components.bert_ner.model.name {name} --paths.train "
        "corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    slow_tokenizer = (
        "The tokenizer of '{name}' ({cls}) is not a fast tokenizer, so it provides no character offsets. {advice}"
    )
    slow_but_same = (
        '{fast} produces the same subwords. Use it to save the tokenizer once{installed}: {fetch}python -c "from '
        "transformers import {fast} as T; T.from_pretrained('{folder}'{options}).save_pretrained('{folder}')\"{then}"
    )
    slow_installed = ", with sentencepiece and protobuf installed"
    slow_words = (
        "It first splits text into words with {splitter}, which no fast tokenizer supports, so it cannot be converted. "
        "Train a new head on this encoder with a spacy-transformers component, which needs no offsets: pip install "
        "'spacy-bert-ner[spacy-transformers]'; python -m spacy train configs/shared_transformer.cfg "
        "--components.transformer.model.name {name} --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    slow_japanese_characters = (
        "Its subwords are characters, so a fast tokenizer can be created. To create it, run the code in the section "
        '"Tokenizers that are not fast" in docs/component.md once.'
    )
    slow_segmented = (
        "It expects text in which VnCoreNLP has joined the syllables of each word (`sinh_viên`). Normal text is not "
        "segmented in this way, so a fast tokenizer would not help."
    )
    slow_tweets = (
        "It is for tweets in which user names, web addresses and emojis were replaced (`@USER`, `HTTPURL`, `:smile:`), "
        "and no fast tokenizer replaces them."
    )
    slow_characters = (
        "Its subwords are characters or bytes, and it has no file from which a fast tokenizer could be created."
    )
    slow_shapes = "It also returns the shape and the pronunciation of each character, which no fast tokenizer returns."
    slow_proteins = "It is for amino acid sequences, not for text."
    slow_other = (
        "Allowed: a checkpoint with tokenizer.json. If a fast tokenizer class in transformers produces the same "
        "subwords, save the tokenizer with that class once. If there is no such class, this tokenizer cannot be used."
    )
    slow_another = (
        "Train another encoder, such as FacebookAI/xlm-roberta-base: python -m spacy train configs/bert_ner.cfg "
        "--components.bert_ner.model.name FacebookAI/xlm-roberta-base --paths.train corpus/train.spacy --paths.dev "
        "corpus/dev.spacy"
    )
    unsupported_architecture = (
        "The checkpoint '{name}' has the architecture '{kind}', which this package cannot use for plain text: "
        "{reason}. "
        'Allowed: a text encoder, such as BERT, RoBERTa, DeBERTa or ModernBERT. Specify one, as in {{"model": '
        '{{"name": "dslim/bert-base-NER"}}}}.'
    )
    fixed_length = (
        "The checkpoint '{name}' is a Nyströmformer with num_landmarks = {landmarks} and segment_means_seq_len = "
        "{length}. Such a model can only process texts with exactly {length} subwords. Allowed: equal values for both "
        "settings. The model then computes full attention with the same weights. Set this in its config.json: "
        '"num_landmarks": {length}'
    )
