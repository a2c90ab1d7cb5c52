"""Messages about annotating corpora and serving; see `errors` for all others."""

from __future__ import annotations


class ScaleMessages:
    """Message templates, filled with `str.format`."""

    no_ray = "--engine ray requires Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]'"
    annotate_takes_pyarrow = (
        "annotate requires pyarrow, which is not installed. Install it: pip install 'spacy-bert-ner[arrow]'"
    )
    no_engine = "--engine {engine} is not known. Allowed: ray. To work in this process, leave the option out."
    bad_address = "{address} cannot be opened: {reason}. Allowed: a path, or an address such as s3://bucket/folder."
    no_input = "{address}: no file of a known format. Allowed: names that end in {formats}."
    bad_input = "{path} cannot be read: {reason}. Fix the file, or leave it out."
    no_column_named = (
        "{path} has no column {column!r}. Its columns: {available}. Name other ones: --text-column, --id-column, "
        "--columns"
    )
    reserved_column = (
        "--columns {column}: the output already has a column of that name. Allowed: other columns of the input. Rename "
        "the column in the input; to read ids from a column, use --id-column."
    )
    no_shard_format = "--format {format} is not known. Allowed: {allowed}."
    output_begun = "{output} already has annotated documents. To resume: --resume. Otherwise name another folder."
    output_not_empty = (
        "{output} has other files: {files}. Allowed: a folder that is empty or does not exist. Name another folder."
    )
    other_job = (
        "{output} belongs to another job: {changed} changed, see its manifest.json. Allowed with --resume: the same "
        "pipeline, inputs and options. Name another folder, or use the same arguments as before."
    )
    too_many_errors = (
        "{n} documents failed. Allowed: {most}. Their ids and reasons are in {folder}. Finished shards are kept. Fix "
        "the documents and annotate them to another folder, or resume with --resume and a larger --max-errors."
    )
    no_cluster = (
        "Ray does not answer at --address {address}: {reason}. Allowed: the address of a running cluster, such as auto "
        "on one of its machines. To start Ray on this machine, leave the option out."
    )
    ray_stopped = "Ray stopped: {reason}. Finished shards are kept. Fix the cause, and resume with --resume"
    no_room_for_actors = (
        "There is no room for an actor of {cpus} CPUs and {gpus} GPUs: the cluster has {available}. Request less: "
        "--cpus-per-actor, --gpus-per-actor"
    )
    serve_takes_ray = "serve requires Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]'"
    server_busy = "Server busy. Retry after the number of seconds in Retry-After."
    no_metrics = "Ray exports no metrics yet, or one of its machines does not answer. Retry in a few seconds."
    server_failed = (
        "The server failed to process this request. Send it again; if it fails again, tell the operator of the server."
    )
    text_failed = "The pipeline failed on text {number}, counted from 0. Send the other texts without it."
    not_authorized = "The token is missing or wrong. Send the header: Authorization: Bearer TOKEN"
    body_too_large = "The body is larger than {most:,} bytes. Send fewer or shorter texts per request."
    too_many_texts = "The request has {n:,} texts. Allowed: {most:,}. Send several requests."
    text_too_large = (
        "Text {number}, counted from 0, has {n:,} characters. Allowed: {most:,}. Split it into several texts."
    )
    bad_request = 'Malformed request: {reason}. Allowed: {{"text": "..."}} or {{"texts": ["...", "..."]}}; see /docs.'
    variable_not_set = "The environment variable {name} holds no token. Set it where the server runs: export {name}=..."
    bad_server_setting = "A server setting is not allowed: {reason}."
    bad_serve_config = (
        "{path} is not a Ray Serve config for this application: {reason}. Allowed: a file as serve deploy takes it, "
        "with import_path: spacy_bert_ner.serving.app:application"
    )
    not_deployed = (
        "Ray Serve could not start the server: {reason} See Ray's logs on the machine of the replica for the cause."
    )
    port_taken = "Port {port} of {host} is in use. Name another: --port {other}"
