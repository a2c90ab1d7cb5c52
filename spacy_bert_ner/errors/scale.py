"""Define the message templates for errors and warnings about annotating corpora and serving."""

from __future__ import annotations


class ScaleMessages:
    """The templates for messages about annotating corpora and serving, to be filled in with `str.format`."""

    no_ray = "--engine ray requires Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]'"
    annotate_takes_pyarrow = (
        "annotate requires pyarrow, which is not installed. Install it: pip install 'spacy-bert-ner[annotate]'"
    )
    no_engine = (
        "--engine {engine} is unknown. Allowed: --engine ray. To annotate in the current process, omit the option."
    )
    bad_address = (
        "{address} cannot be opened: {reason}. Allowed: a path, or an address such as s3://bucket/folder. Check the "
        "spelling and your access rights."
    )
    no_input = (
        "No file with a known format was found at {address}. Allowed: names that end in {formats}. Specify other "
        "files, or convert them to one of these formats."
    )
    bad_input = "{path} cannot be read: {reason}. Fix the file, or omit it."
    no_column_named = (
        "{path} has no column {column!r}. Its columns are: {available}. Specify other columns with --text-column, "
        "--id-column or --columns."
    )
    reserved_column = (
        "--columns {column} is invalid, because the output already has a column with this name. Allowed: other input "
        "columns. Rename the column in the input. To read IDs from a column, use --id-column."
    )
    no_shard_format = "--format {format} is unknown. Specify one of these formats: {allowed}."
    output_begun = (
        "{output} already contains annotated documents. To resume, specify --resume. To start a new job, specify "
        "another folder."
    )
    output_not_empty = (
        "{output} contains files that do not belong to an annotate job: {files}. Allowed: a folder that is empty or "
        "does not exist. Specify another folder."
    )
    other_job = (
        "{output} belongs to another job. These entries in its manifest.json differ: {changed}. --resume requires the "
        "same pipeline, inputs and options. Specify another folder, or use the original arguments."
    )
    too_many_errors = (
        "{n} documents failed, but at most {most} are allowed. Their IDs and error messages are in {folder}. Finished "
        "shards are kept. Fix the documents and annotate them in another folder, or resume with --resume and a larger "
        "--max-errors."
    )
    no_cluster = (
        "Ray cannot be reached at --address {address}: {reason}. Specify the address of a running cluster, such as "
        "--address auto on one of its machines. To start Ray on this machine, omit the option."
    )
    ray_stopped = "Ray stopped: {reason}. Finished shards are kept. Fix the cause, then resume with --resume"
    no_room_for_actors = (
        "The cluster has no room for an actor with {cpus} CPUs and {gpus} GPUs. Its resources are: {available}. "
        "Request fewer resources: --cpus-per-actor, --gpus-per-actor"
    )
    serve_takes_ray = (
        "serve requires Ray and FastAPI, but at least one of them is not installed. Install them: pip install "
        "'spacy-bert-ner[serve]'"
    )
    server_busy = "The server is busy. Retry after the number of seconds in the Retry-After header."
    no_metrics = "Ray is not exporting metrics yet, or one of its machines is not responding. Retry in a few seconds."
    server_failed = (
        "The server failed to process this request. Retry the request. If it fails again, contact the operator of the "
        "server."
    )
    text_failed = "The pipeline failed on the text at index {number}. Send the other texts without it."
    not_authorized = "The token is missing or invalid. Send a valid token in the header: Authorization: Bearer TOKEN"
    body_too_large = "The request body exceeds the limit of {most:,} bytes. Send fewer or shorter texts per request."
    too_many_texts = "The request has {n:,} texts. Allowed: at most {most:,}. Send the texts in several requests."
    text_too_large = (
        "The text at index {number} has {n:,} characters. Allowed: at most {most:,}. Split it into several texts."
    )
    bad_request = (
        'The request is malformed: {reason}. Allowed: {{"text": "..."}} or {{"texts": ["...", "..."]}}. Fix the '
        "request as described at /docs."
    )
    variable_not_set = (
        "The environment variable {name} does not contain a token. Set it on the machine that runs the server: export "
        "{name}=..."
    )
    bad_server_setting = "A server setting is invalid: {reason}. Fix the setting, and start the server again."
    bad_serve_config = (
        "{path} is not a Ray Serve config for this application: {reason}. Allowed: a config file for serve deploy. It "
        "must contain import_path: spacy_bert_ner.serving.app:application"
    )
    not_deployed = (
        "Ray Serve could not start the server: {reason} For the cause, see Ray's logs on the machine that runs the "
        "replica."
    )
    port_taken = "Port {port} on {host} is in use. Specify another port: --port {other}"
