"""The messages about long training; see `errors`, which has all others."""

from __future__ import annotations


class TrainingMessages:
    """Message templates, filled with `str.format`."""

    config_without_bert_ner = (
        "The config trains no component made by the factory bert_ner; its pipeline has: {found}. Allowed: one with "
        "such a component that is not frozen, as in configs/bert_ner.cfg. For others: python -m spacy train"
    )
    output_trained = (
        "{output} has a training already: {found}. Nothing was overwritten. To go on with it: --resume; else name "
        "another folder: --output"
    )
    output_is_file = "--output {output} is a file. Allowed: a folder, which need not be there yet."
    resume_takes_output = "--resume takes --output, the folder of the training to go on with."
    no_states = (
        "{output} has {found}, but no state to go on from, as spacy train keeps none. Nothing was overwritten. Name "
        "another folder: --output"
    )
    state_damaged = "{folder} is passed over: {reason} The one before it is looked at."
    no_whole_state = (
        "All states in {folder} are damaged, so that there is none to go on from. To begin anew, name another "
        "folder, or delete {output}"
    )
    state_version = "it was written by another version of spacy-bert-ner"
    bad_state = (
        "{folder} cannot be read: {reason}. Delete it to go on from the one before, or go on with the version that "
        "wrote it."
    )
    no_state_of = (
        "The weights of component {name!r} cannot be kept in a state: they are in a {kind}. Allowed: components of "
        "this package, of thinc's own layers, and of torch without mixed precision. Freeze it: "
        "--training.frozen_components '[\"{name}\"]', or train with python -m spacy train"
    )
    other_parameters = (
        "The state is of other parameters than the config makes: {n} differ, of which the first is {first}. Go on "
        "with the config, and the data, that it was begun with."
    )
    training_changed = (
        "Since {folder} was written, there were changes: {changed}. It would not be the same training. To go on with "
        "it nevertheless: --allow-changes"
    )
    data_ended = (
        "The training ends at step {found} now, before step {step}, to which it had come: there are fewer data, or "
        "steps, than there were. Go on with those that it was begun with."
    )
    output_not_written = (
        "{output} could not be written: {reason}. What was there whole still is. Make room, or mend it, and go on: "
        "--resume"
    )
    training_failed = "It failed; what was learned so far is kept in model-last: {reason}"
    too_many_workers = (
        "There are {n} workers for a batch of {found} examples. Allowed: as many as examples. Raise "
        "[training.batcher] size, which is that of all workers together, or take fewer workers."
    )
    not_parallel = (
        "Component {name!r} cannot be trained by several workers. Allowed: components of the factory bert_ner with "
        "an encoder of their own. Freeze it: --training.frozen_components '[\"{name}\"]', or train with one worker."
    )
    workers_differ = (
        "Not all workers were given the same: config, data or versions of number {ranks} differ from those of number "
        "0. Each has to have all of the data; it takes its own part of every batch."
    )
    worker_lost = (
        "Worker {rank} of {n} cannot reach the others, one of which is gone: {reason}. The states that are there are "
        "whole; go on, with as many workers as you like: --resume"
    )
    no_workers = (
        "The workers do not find each other at {address}: {reason}. Where the port is taken, name another: torchrun "
        "--master-port 29501 ..."
    )
    train_takes_ray = (
        "--workers takes Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]', or start "
        "workers without it: torchrun --nproc-per-node {n} -m spacy bert-ner train ..."
    )
    two_starters = "--workers and torchrun both start workers. Leave out one of them."
    address_takes_workers = "--address takes --workers, the number of workers to start on that cluster."
    no_room_for_workers = (
        "There is no room for {n} workers of {cpus} CPUs and {gpus} GPUs: the cluster has {found}. Take fewer: "
        "--workers"
    )
    workers_failed = "The training ended: {reason}. The states that are there are whole; go on with them: --resume"

    # gold entities
    white_edges = (
        "{n} of {total} gold entities ({percent:.1f} %) begin or end with white space, and no entity that '{name}' "
        "finds does. It learns them without that space, so scores count each as missed. The first: {entity!r} in "
        "{text!r}. Move their edges; to list them: python -m spacy bert-ner inspect FILE"
    )
    no_incorrect_spans = (
        "[components.{name}] incorrect_spans_key = {key!r}, but no training Doc has spans under that key. The Docs "
        "have these keys: {keys}. Name one of them, or null."
    )
    incorrect_unlearned = (
        "{n} of {total} spans in doc.spans[{key!r}] of this batch teach '{name}' nothing. Each begins or ends inside a "
        "token of the pipeline's tokenizer, or has a label that is none of {labels}. The first: {span!r} ({label!r}) "
        "in {text!r}. Correct their edges or labels, or remove them."
    )
    both_gold_and_incorrect = (
        "{span!r} ({label}) is a gold entity and in doc.spans[{key!r}], so it would be learned as both, in {text!r}. "
        "Allowed: one of the two. Remove it from doc.ents or from doc.spans."
    )

    # steps and learning rates
    less_than_an_epoch = (
        "[training] max_steps = {max_steps} ends the training after {share:.2g} epochs: {n_examples:,} examples make "
        "{epoch_steps:,} batches, and the rest is never read. For one epoch: --training.max_steps {epoch_steps}; for "
        "five: --training.max_steps {five}"
    )
    never_evaluated = (
        "[training] eval_frequency = {eval_frequency} evaluates no step after the first, as the training ends at step "
        "{last}: model-best will be a pipeline that has learned nothing. Name fewer steps: --training.eval_frequency "
        "{last}. Or train with python -m spacy bert-ner train, which evaluates the last step too."
    )
    schedule_without_steps = (
        "[training.optimizer.learn_rate] total_steps = {total_steps} gives a learning rate of 0 from step {zero} on, "
        "and nothing is learned. Allowed: a whole number from 1. Or take the schedule that counts the steps itself: "
        '@schedules = "spacy_bert_ner.WarmupLinear.v1"'
    )
    schedule_too_short = (
        "[training.optimizer.learn_rate] total_steps = {total_steps} gives a learning rate of 0 from then on, but the "
        "training goes on {until}. Name as many steps, or take the schedule that counts them itself: "
        '@schedules = "spacy_bert_ner.WarmupLinear.v1"'
    )
    steps_unknown = (
        "Component {name!r} cannot tell how many steps the training has, so that the learning rate stays at {rate:g}. "
        "To let it decay, name them in [training.optimizer.learn_rate]: total_steps = 500"
    )
    schedule_stands_still = (
        "The schedule of the learning rate stands still at 0, so that component {name!r} would learn nothing. The rate "
        "stays at {rate:g} instead. To move it, call optimizer.step_schedules() after each nlp.update"
    )
    rate_is_zero = (
        "Component {name!r} was updated twice with a learning rate of 0, and learns nothing. Call "
        "optimizer.step_schedules() after each nlp.update, or name more steps in [training.optimizer.learn_rate]: "
        "total_steps"
    )
    rate_too_high = (
        "The learning rate of {rate:g} is too high for the encoder of component {name!r}, whose vectors have {width} "
        "numbers: it may lose what it knows, and no entities are found. Up to {highest:g} is usual. Write in {lines}"
    )
