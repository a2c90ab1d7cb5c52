"""What Ray exports for Prometheus, of all machines of a cluster, and of it what tells of a server."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Sequence

PREFIXES = ("ray_bert_ner_", "ray_serve_")
_PATIENCE = 5
"""Seconds for a machine to answer."""


def addresses() -> list[str]:
    """Where the machines of this cluster export them."""
    import ray

    alive = [node for node in ray.nodes() if node.get("Alive") and node.get("MetricsExportPort")]
    return [f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics" for node in alive]


def gather(where: Sequence[str]) -> str:
    """The metrics of a server, from all places that answer.

    RAISES OSError: one does not answer. Without it, counts would fall.
    """
    texts = []
    for address in where:
        with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:  # noqa: S310, of our own cluster
            texts.append(answer.read().decode("utf8"))
    return merge(texts)


def merge(texts: Iterable[str]) -> str:
    """One table of several, with each description once, and without what does not tell of a server."""
    about: dict[str, list[str]] = {}
    rows: dict[str, list[str]] = {}
    for line in (line for text in texts for line in text.splitlines()):
        is_about = line.startswith(("# HELP ", "# TYPE "))
        name = line.split()[2] if is_about else line.partition("{")[0].partition(" ")[0]
        if not name.startswith(PREFIXES):
            continue
        family = name
        for ending in ("_bucket", "_sum", "_count", "_total", "_created"):
            if not is_about and name.endswith(ending) and name.removesuffix(ending) in about:
                family = name.removesuffix(ending)
        lines = (about if is_about else rows).setdefault(family, [])
        if line not in lines:
            lines.append(line)
    return "".join(f"{line}\n" for name in {**about, **rows} for line in [*about.get(name, ()), *rows.get(name, ())])
