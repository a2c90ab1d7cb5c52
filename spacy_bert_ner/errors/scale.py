"""The messages about what runs on many machines; see `errors`, which has all others."""

from __future__ import annotations


class ScaleMessages:
    """Message templates, filled with `str.format`."""

    no_ray = "--engine ray takes Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]'"
    annotate_takes_pyarrow = (
        "annotate takes pyarrow, which is not installed. Install it: pip install 'spacy-bert-ner[arrow]'"
    )
    no_engine = "--engine {engine} is not known. Allowed: ray; or leave it out, to work in this process."
    no_place = "{address} cannot be opened: {reason}. Allowed: a path, or an address such as s3://bucket/folder."
    no_input = "{address}: there is no file of a known format. Allowed: names that end in {formats}."
    bad_input = "{path} cannot be read: {reason}. Mend it, or leave it out."
    no_column_named = (
        "{path} has no column {column!r}, but these: {found}. Name others: --text-column, --id-column, --columns"
    )
    column_is_ours = (
        "--columns {column}: the output has a column of that name already. Allowed: other columns of the input. Rename "
        "it there; a column of ids is named by --id-column."
    )
    no_shard_format = "--format {format} is not known. Allowed: {allowed}."
    output_begun = (
        "{output} has annotated documents already. To go on where that stopped: --resume; else name another folder."
    )
    output_of_others = (
        "{output} has other files: {found}. Allowed: a folder that is empty or not there yet. Name another."
    )
    other_work = (
        "{output} was begun otherwise: {differ} differ, see manifest.json there. Allowed with --resume: the same "
        "pipeline, inputs and options. Name another folder, or begin as it was begun."
    )
    too_many_errors = (
        "{n} documents failed, where {most} may; {folder} has their ids and reasons. What is finished stays: mend them "
        "and begin anew, or go on with --resume and a larger --max-errors."
    )
    no_cluster = (
        "Ray does not answer at --address {address}: {reason}. Allowed: that of a cluster that runs, such as auto on "
        "one of its machines; or leave it out, to start one here."
    )
    ray_stopped = "Ray stopped: {reason}. What is finished stays: mend what is wrong, and go on with --resume"
    no_room_for_actors = (
        "There is no room for an actor of {cpus} CPUs and {gpus} GPUs: the cluster has {found}. Ask for less: "
        "--cpus-per-actor, --gpus-per-actor"
    )
    serve_takes_ray = "serve takes Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]'"
    server_busy = "There is too much to do. Send it again after a while; Retry-After says how many seconds."
    no_metrics = "Ray exports no metrics yet, or one of its machines does not answer. Ask again in a few seconds."
    server_failed = (
        "The server failed on this request. Send it again; if it fails again, tell those who run the server."
    )
    text_failed = "The pipeline failed on text {number}, counted from 0. Send the others without it."
    not_authorized = "A token is needed, and this is not it. Send the header: Authorization: Bearer TOKEN"
    body_too_large = "The body has more than {most:,} bytes. Send fewer, or shorter, texts at once."
    too_many_texts = "There are {n:,} texts. Allowed: {most:,} at once. Send several requests."
    text_too_large = "Text {number}, counted from 0, has {n:,} characters. Allowed: {most:,}. Cut it into several."
    bad_request = (
        'It is not understood: {reason}. Allowed: {{"text": "..."}} or {{"texts": ["...", "..."]}}; see /docs.'
    )
    variable_not_set = "The environment variable {name} holds no token. Set it where the server runs: export {name}=..."
    bad_server_setting = "A setting of the server is not allowed: {reason}."
    bad_serve_config = (
        "{path} is no config of Serve for this: {reason}. Allowed: a file as serve deploy takes it, with import_path: "
        "spacy_bert_ner.serving.app:application"
    )
    not_deployed = "Serve could not start it: {reason} The logs of Ray on the machine of a replica say why."
    port_taken = "Port {port} of {host} is taken. Name another: --port {other}"
