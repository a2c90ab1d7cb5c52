"""Define the message templates that several commands share."""

from __future__ import annotations


class CommandMessages:
    """The message templates that several commands share, to be filled in with `str.format`."""

    small_dev = (
        "{name} has {entities}. With fewer than {enough} entities, F1 is uncertain by more than 0.1, and the best step "
        "is chosen mostly by chance. Annotate more dev data, or increase its share: convert --split 70/20/10"
    )
    no_code_file = (
        "--code {path} does not exist. Specify a Python file with registered functions, such as --code functions.py"
    )
    code_is_not_python = (
        "--code {path} is not a Python file. Allowed: a file whose name ends in .py. Rename the file, or specify "
        "another file."
    )
    bad_code_file = "--code {path} cannot be imported: {reason}. Fix the file, or omit --code."
    no_export_target = "--to {to} is unknown. Allowed: {allowed}. Specify one of these, or omit the option."
    no_cupy = (
        "--gpu-id {gpu_id} requires CuPy, which is not installed. Install it for CUDA 12: pip install "
        "'spacy-bert-ner[cuda12x]'. Or use the CPU: --gpu-id -1"
    )
    no_gpu = (
        "--gpu-id {gpu_id} cannot be used: {reason}. Allowed: the ID of a GPU on this machine, such as 0, or -1 for "
        "the CPU. List the GPUs with nvidia-smi, or use the CPU: --gpu-id -1"
    )
