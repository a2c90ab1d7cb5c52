"""Collect the server metrics that machines in a Ray cluster export for Prometheus."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Sequence

PREFIXES = ("ray_bert_ner_", "ray_serve_")
"""Name prefixes of the metrics to keep."""
_TIMEOUT = 5
"""Maximum time to wait for a machine to answer, in seconds."""


def cluster_metrics() -> str:
    """Return the server metrics from all machines in the connected cluster.

    RETURNS (str): the metrics in Prometheus text format.
    RAISES OSError: a machine does not answer.
    """
    return gather(addresses())


def addresses() -> list[str]:
    """Return the metrics URLs for all machines in the connected cluster."""
    import ray

    alive = [node for node in ray.nodes() if node.get("Alive") and node.get("MetricsExportPort")]
    return [f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics" for node in alive]


def gather(urls: Sequence[str]) -> str:
    """Collect the server metrics from several machines.

    Fail if one machine does not answer. Without its metrics, the merged counters could decrease.

    urls (Sequence[str]): metrics URLs of the machines.
    RETURNS (str): the metrics in Prometheus text format.
    RAISES OSError: a machine does not answer.
    """
    texts = []
    for url in urls:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:  # noqa: S310, a machine in the cluster
            texts.append(response.read().decode("utf8"))
    return merge(texts)


def merge(texts: Iterable[str]) -> str:
    """Merge metrics from several machines, keeping only server metrics.

    texts (Iterable[str]): the metrics from each machine in Prometheus text format.
    RETURNS (str): the merged metrics in Prometheus text format. Each description occurs only once.
    """
    descriptions: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for line in (line for text in texts for line in text.splitlines()):
        is_description = line.startswith(("# HELP ", "# TYPE "))
        name = line.split()[2] if is_description else line.partition("{")[0].partition(" ")[0]
        if not name.startswith(PREFIXES):
            continue
        family = name
        for ending in ("_bucket", "_sum", "_count", "_total", "_created"):
            if not is_description and name.endswith(ending) and name.removesuffix(ending) in descriptions:
                family = name.removesuffix(ending)
        lines = (descriptions if is_description else samples).setdefault(family, [])
        if line not in lines:
            lines.append(line)
    families = {**descriptions, **samples}
    return "".join(f"{line}\n" for name in families for line in [*descriptions.get(name, ()), *samples.get(name, ())])
