"""Define the messages about training runs; `errors` combines them with all others."""

from __future__ import annotations


class TrainingMessages:
    """Message templates, filled with `str.format`."""

    config_without_bert_ner = (
        "The config trains no component made by the factory bert_ner; its pipeline has: {found}. Allowed: a pipeline "
        "with such a component that is not frozen, as in configs/bert_ner.cfg. To train other pipelines: python -m "
        "spacy train"
    )
    output_already_trained = (
        "{output} already contains a training run: {found}. Nothing was overwritten. To resume it: --resume. To start "
        "a new one, choose another folder: --output"
    )
    output_is_file = "--output {output} is a file. Allowed: a folder; it is created if it does not exist."
    resume_requires_output = "--resume requires --output, the folder of the training run to resume."
    no_training_checkpoint = (
        "{output} contains {found} but no training checkpoint, because spacy train writes none. Nothing was "
        "overwritten. Choose another folder: --output"
    )
    training_checkpoint_skipped = "Skipping training checkpoint {folder}: {reason} Trying the previous one."
    training_checkpoints_damaged = (
        "All training checkpoints in {folder} are damaged, so the run cannot be resumed. To start again, choose "
        "another folder with --output, or delete {output}"
    )
    training_checkpoint_version = "it was written by another version of spacy-bert-ner"
    training_checkpoint_unreadable = (
        "Training checkpoint {folder} cannot be read: {reason}. Delete it to resume from the previous one, or resume "
        "with the version that wrote it."
    )
    weights_not_saveable = (
        "The weights of component {name!r} cannot be saved in a training checkpoint: they are in a {kind}. Allowed: "
        "components of this package, of thinc's own layers, and of torch without mixed precision. Freeze it: "
        "--training.frozen_components '[\"{name}\"]', or train with python -m spacy train"
    )
    other_parameters = (
        "The training checkpoint does not match the parameters that the config creates: {n} differ, the first of them "
        "is {first}. Resume with the config and the data that the run started with."
    )
    training_changed = (
        "The run has changed since training checkpoint {folder}: {changed}. Resuming would not reproduce it. To "
        "resume anyway: --allow-changes"
    )
    data_ended = (
        "Training now ends at step {found}, before step {step} of the training checkpoint: there is less data, or "
        "there are fewer steps, than before. Resume with the data and the settings that the run started with."
    )
    output_not_written = (
        "{output} could not be written: {reason}. Files that were complete before are unchanged. Free disk space or "
        "fix the error, then resume: --resume"
    )
    training_failed = "Training failed. The weights learned so far are saved in model-last. Reason: {reason}"
    too_many_workers = (
        "{n} workers cannot share a batch of {found} examples. Allowed: at most one worker per example. Raise "
        "[training.batcher] size, the batch size of all workers together, or use fewer workers."
    )
    not_parallel = (
        "Component {name!r} cannot be trained by several workers. Allowed: components of the factory bert_ner that do "
        "not share an encoder. Freeze it: --training.frozen_components '[\"{name}\"]', or train with one worker."
    )
    workers_differ = (
        "The workers do not have the same input: the config, data or versions of worker {ranks} differ from those of "
        "worker 0. Give every worker all of the data; each selects its own part of every batch."
    )
    worker_lost = (
        "Worker {rank} of {n} lost the connection to the other workers; at least one has ended: {reason}. All training "
        "checkpoints on disk are complete. To resume, with any number of workers: --resume"
    )
    workers_not_connected = (
        "The workers cannot connect to each other at {address}: {reason}. If the port is in use, choose another: "
        "torchrun --master-port 29501 ..."
    )
    train_requires_ray = (
        "--workers requires Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]', or start "
        "workers without it: torchrun --nproc-per-node {n} -m spacy bert-ner train ..."
    )
    two_starters = "--workers and torchrun both start workers. Use only one of them."
    address_requires_workers = "--address requires --workers, the number of workers to start on that cluster."
    cluster_too_small = (
        "The cluster cannot run {n} workers with {cpus} CPUs and {gpus} GPUs each: it has {found}. Start fewer: "
        "--workers"
    )
    workers_failed = "Training ended: {reason}. All training checkpoints on disk are complete. To resume: --resume"

    # gold entities
    white_edges = (
        "{n} of {total} gold entities ({percent:.1f} %) begin or end with white space, but '{name}' never predicts "
        "such an entity. It learns them without that space, so the scores count each as missed. The first: {entity!r} "
        "in {text!r}. Correct their boundaries; to list them: python -m spacy bert-ner inspect FILE"
    )
    no_incorrect_spans = (
        "[components.{name}] incorrect_spans_key = {key!r}, but no training Doc has spans under that key. The Docs "
        "have these keys: {keys}. Set it to one of them, or to null."
    )
    incorrect_unlearned = (
        "'{name}' learns nothing from {n} of {total} spans in doc.spans[{key!r}] of this batch. Each begins or ends "
        "inside a token of the pipeline's tokenizer, or has a label that is none of {labels}. The first: {span!r} "
        "({label!r}) in {text!r}. Correct their boundaries or labels, or remove them."
    )
    both_gold_and_incorrect = (
        "{span!r} ({label}) is both a gold entity and a span in doc.spans[{key!r}], so it would be learned as correct "
        "and as incorrect, in {text!r}. Allowed: only one of the two. Remove it from doc.ents or from doc.spans."
    )

    # steps and learning rates
    less_than_an_epoch = (
        "[training] max_steps = {max_steps} ends the training after {share:.2g} epochs: {n_examples:,} examples make "
        "{epoch_steps:,} batches, and the rest is never read. For one epoch: --training.max_steps {epoch_steps}; for "
        "five: --training.max_steps {five}"
    )
    never_evaluated = (
        "[training] eval_frequency = {eval_frequency} evaluates no step after the first, as the training ends at step "
        "{last}: model-best will be an untrained pipeline. Evaluate more often: --training.eval_frequency {last}. Or "
        "train with python -m spacy bert-ner train, which evaluates the last step too."
    )
    schedule_without_steps = (
        "[training.optimizer.learn_rate] total_steps = {total_steps} makes the learning rate 0 from step {zero} on, so "
        "nothing is learned. Allowed: a whole number from 1. Or use the schedule that counts the steps itself: "
        '@schedules = "spacy_bert_ner.WarmupLinear.v1"'
    )
    schedule_too_short = (
        "[training.optimizer.learn_rate] total_steps = {total_steps} makes the learning rate 0 from that step on, but "
        "training continues {until}. Set total_steps to the number of training steps, or use the schedule that counts "
        'them itself: @schedules = "spacy_bert_ner.WarmupLinear.v1"'
    )
    steps_unknown = (
        "Component {name!r} does not know the number of training steps, so the learning rate stays at {rate:g}. To "
        "let it decay, set the number in [training.optimizer.learn_rate]: total_steps = 500"
    )
    schedule_stands_still = (
        "The learning rate schedule is not advancing and its rate is 0, so component {name!r} would learn nothing. The "
        "rate stays at {rate:g} instead. To advance it, call optimizer.step_schedules() after each nlp.update"
    )
    rate_is_zero = (
        "Component {name!r} was updated twice with a learning rate of 0, and learns nothing. Call "
        "optimizer.step_schedules() after each nlp.update, or set more steps in [training.optimizer.learn_rate]: "
        "total_steps"
    )
    rate_too_high = (
        "The learning rate of {rate:g} is too high for the encoder of component {name!r}, whose hidden size is "
        "{width}: it may forget its pretraining, and predict no entities. Up to {highest:g} is usual. Set in {lines}"
    )
