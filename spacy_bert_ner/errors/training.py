"""Define the message templates for errors and warnings about training."""

from __future__ import annotations


class TrainingMessages:
    """The templates for messages about training, to be filled in with `str.format`."""

    config_without_bert_ner = (
        "The config trains no component made by the factory bert_ner. Its pipeline contains: {found}. Allowed: a "
        "pipeline with such a component that is not frozen, as in configs/bert_ner.cfg. To train other pipelines: "
        "python -m spacy train"
    )
    no_entities_to_learn = (
        "{path} contains no entities ({how}; texts: {n}). Allowed: text in which entities are annotated. Check the "
        "columns and labels: python -m spacy bert-ner inspect {path}"
    )
    config_exists = (
        "{path} already exists. Nothing was overwritten. Specify another file, or overwrite this one: --force"
    )
    config_folder_missing = (
        "{path} cannot be written, because the folder {folder} does not exist. Create it (mkdir -p {folder}), or "
        "specify another file."
    )
    name_is_reference = (
        "{name} contains ${{, which marks a reference to another setting in a config. Allowed: names without ${{. "
        "Rename the file or folder."
    )
    config_is_folder = "{path} is a folder. Specify a file for the config, such as {file}"
    unknown_recipe = (
        "--recipe {name} is unknown. Allowed: {names}. To train with a config file, omit --recipe: python -m spacy "
        "bert-ner train CONFIG"
    )
    recipe_and_config = (
        "CONFIG {config} and --recipe {recipe} were both specified. Allowed: one of them. Omit --recipe to train with "
        "the config file."
    )
    no_config = (
        "Neither CONFIG nor --recipe was specified. Allowed: a config file, - for standard input, or the name of a "
        "recipe: {names}. For example: --recipe bert_ner"
    )
    config_missing = (
        "CONFIG {config} does not exist. Allowed: a config file, - for standard input, or the name of a recipe: "
        "{names}. For example: --recipe bert_ner"
    )
    output_already_trained = (
        "{output} already contains a training run: {found}. Nothing was overwritten. To resume this run: --resume. To "
        "start a new run, specify another folder: --output"
    )
    output_is_file = (
        "--output {output} is a file, but it must be a folder. Specify a folder, which is created if it does not exist."
    )
    resume_requires_output = "--resume requires --output. Specify the folder of the training run to resume: --output"
    no_training_checkpoint = (
        "{output} contains {found} but no training checkpoint, so the run cannot be resumed. spacy bert-ner train "
        "writes training checkpoints, but spacy train does not. Nothing was overwritten. Specify another folder: "
        "--output"
    )
    training_checkpoint_skipped = (
        "Training checkpoint {folder} was skipped: {reason} The previous training checkpoint is tried next."
    )
    training_checkpoints_damaged = (
        "All training checkpoints in {folder} are damaged, so the run cannot be resumed. To start again, specify "
        "another folder with --output, or delete {output}"
    )
    training_checkpoint_version = "it was written by another version of spacy-bert-ner"
    training_checkpoint_unreadable = (
        "Training checkpoint {folder} cannot be read: {reason}. Delete it to resume from the previous training "
        "checkpoint, or resume with the package version that wrote it."
    )
    weights_not_saveable = (
        "The weights of component {name!r} cannot be saved in a training checkpoint because they are in a {kind}. "
        "Allowed: components from this package, and components with thinc layers or with torch layers without mixed "
        "precision. Freeze the component: --training.frozen_components '[\"{name}\"]'. Or train with python -m spacy "
        "train"
    )
    other_parameters = (
        "{n} parameters in the training checkpoint differ in name or shape from those that the config creates. The "
        "first is {first}. Resume with the config and data that the run started with."
    )
    training_changed = (
        "The run has changed since training checkpoint {folder}: {changed}. Resuming would not reproduce the original "
        "run. To resume anyway: --allow-changes"
    )
    data_ended = (
        "Training now ends at step {found}, but the training checkpoint is from step {step}. The run now has less data "
        "or fewer steps than before. Resume with the data and settings that the run started with."
    )
    output_not_written = (
        "{output} could not be written: {reason}. Existing complete files are unchanged. Free disk space or fix the "
        "error, then resume: --resume"
    )
    training_failed = (
        "Training failed: {reason}. The weights learned so far are saved in model-last. Fix the error, then resume: "
        "--resume"
    )
    too_many_workers = (
        "{n} workers cannot share a batch with {found} examples. Allowed: at most one worker per example. Increase "
        "[training.batcher] size, which is the total batch size for all workers. Or use fewer workers."
    )
    not_parallel = (
        "Component {name!r} cannot be trained by several workers. Allowed: components made by the factory bert_ner "
        "that do not share an encoder. Freeze the component: --training.frozen_components '[\"{name}\"]'. Or train "
        "with one worker."
    )
    workers_differ = (
        "The workers do not have the same config, data and versions. These workers differ from worker 0: {ranks}. Give "
        "every worker all of the data. Each worker selects its own part of every batch."
    )
    worker_lost = (
        "Worker {rank} of {n} lost the connection to the other workers: {reason}. At least one worker has ended. All "
        "training checkpoints on disk are complete. To resume with any number of workers: --resume"
    )
    workers_not_connected = (
        "The workers cannot connect to each other at {address}: {reason}. If the port is in use, choose another: "
        "torchrun --master-port 29501 ..."
    )
    train_requires_ray = (
        "--workers requires Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]'. Or start the "
        "workers without Ray: torchrun --nproc-per-node {n} -m spacy bert-ner train ..."
    )
    two_starters = "--workers and torchrun both start workers. Use only one of them."
    no_train_option = (
        "no such option. Allowed: the options in --help, and settings of the config, such as --training.max_steps 800"
    )
    address_requires_workers = (
        "--address requires --workers. Specify the number of workers to start on the cluster, such as --workers 2"
    )
    cluster_too_small = (
        "The cluster cannot run {n} workers with {cpus} CPUs and {gpus} GPUs each. Its resources are: {found}. Start "
        "fewer workers: --workers"
    )
    workers_failed = "Training ended: {reason}. All training checkpoints on disk are complete. To resume: --resume"

    # gold entities
    white_edges = (
        "{n} of {total} gold entities ({percent:.1f}%) start or end with white space, but '{name}' never predicts such "
        "entities. It learns them without the white space, so the scores count each of them as missed. The first is "
        "{entity!r} in {text!r}. Correct their boundaries. To list them: python -m spacy bert-ner inspect FILE"
    )
    no_incorrect_spans = (
        "[components.{name}] incorrect_spans_key = {key!r}, but no training Doc has spans under this key. The Docs "
        "have these keys: {keys}. Set incorrect_spans_key to one of them or to null."
    )
    incorrect_unlearned = (
        "'{name}' cannot learn from {n} of {total} spans in doc.spans[{key!r}] in this batch. Each starts or ends "
        "inside a pipeline token, or its label is not one of: {labels}. The first is {span!r} ({label!r}) in {text!r}. "
        "Correct their boundaries or labels, or remove the spans."
    )
    both_gold_and_incorrect = (
        "{span!r} ({label}) in {text!r} is both a gold entity and a span in doc.spans[{key!r}]. It would be learned as "
        "both correct and incorrect. Allowed: only one of the two. Remove it from doc.ents or from doc.spans."
    )

    # steps and learning rates
    less_than_an_epoch = (
        "[training] max_steps = {max_steps} ends training after {share:.2g} epochs, so the remaining data is never "
        "read. One epoch has {n_examples:,} examples in {epoch_steps:,} batches. For one epoch: --training.max_steps "
        "{epoch_steps}. For five epochs: --training.max_steps {five}"
    )
    never_evaluated = (
        "[training] eval_frequency = {eval_frequency} evaluates only the first step, because training ends at step "
        "{last}. The pipeline in model-best will be untrained. Evaluate more often: --training.eval_frequency {last}. "
        "Or train with python -m spacy bert-ner train, which also evaluates the last step."
    )
    schedule_without_steps = (
        "[training.optimizer.learn_rate] total_steps = {total_steps} sets the learning rate to 0 from step {zero} on, "
        "so nothing is learned. Set total_steps to a whole number of at least 1. Or use the schedule that counts the "
        'steps itself: @schedules = "spacy_bert_ner.WarmupLinear.v1"'
    )
    schedule_too_short = (
        "[training.optimizer.learn_rate] total_steps = {total_steps} sets the learning rate to 0 from that step on, "
        "but training continues {until}. Set total_steps to the number of training steps. Or use the schedule that "
        'counts the steps itself: @schedules = "spacy_bert_ner.WarmupLinear.v1"'
    )
    steps_unknown = (
        "Component {name!r} does not know the number of training steps, so the learning rate stays at {rate:g}. To "
        "make it decay, set the number of steps in [training.optimizer.learn_rate], for example: total_steps = 500"
    )
    schedule_stands_still = (
        "The learning rate schedule is not advancing and gives a rate of 0, so component {name!r} would learn "
        "nothing. A constant rate of {rate:g} is used instead. To advance the schedule, call "
        "optimizer.step_schedules() after each nlp.update"
    )
    rate_is_zero = (
        "Component {name!r} was updated twice with a learning rate of 0, so it learned nothing. Call "
        "optimizer.step_schedules() after each nlp.update, or increase total_steps in [training.optimizer.learn_rate]."
    )
    rate_too_high = (
        "The learning rate {rate:g} is too high for the encoder of component {name!r}, whose hidden size is {width}. "
        "The encoder may lose what it learned in pretraining, and the component may predict no entities. Learning "
        "rates up to {highest:g} are usual. Set a lower rate in {lines}"
    )
