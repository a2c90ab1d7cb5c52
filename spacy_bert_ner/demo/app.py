"""Show the entities in a text with Streamlit, which reruns this file after every user action.

    python -m spacy bert-ner visualize training/model-best

The arguments are one or more pipelines, as folders or package names. `--code` and a Python file can precede them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from spacy.tokens import Doc

from spacy_bert_ner.demo import text_parts, token_table
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.reporting.entity_html import EntitySpan, entity_spans, render_entities
from spacy_bert_ner.reporting.label_colours import label_colors
from spacy_bert_ner.util.pipelines import entity_labels, load, our_components, running
from spacy_bert_ner.util.user_code import import_code

EXAMPLE = "Kevin Durant plays for the Brooklyn Nets. Last March he flew from New York to Lisbon, to Portuguese fans."
STYLE = """<style>
.entities { line-height: 2.2 !important; overflow-wrap: anywhere; }
.entities mark { -webkit-box-decoration-break: clone; box-decoration-break: clone; }
</style>"""


@st.cache_resource(show_spinner=False)
def import_once(path: str) -> None:
    """Import the file passed as `--code`. The app imports it only once across reruns."""
    import_code(Path(path))


@st.cache_resource(show_spinner="Loading the pipeline …", max_entries=3)
def open_pipeline(name: str) -> Any:
    """Load a pipeline. All users of the app share the loaded pipeline."""
    return load(name)


def split_for_pipeline(name: str, text: str) -> list[text_parts.Part]:
    """Split a text into parts that the pipeline accepts."""
    return list(text_parts.split_text(text, min(text_parts.PART_LENGTH, open_pipeline(name).max_length)))


def pipe(name: str, texts: Sequence[str]) -> Iterator[Doc]:
    """Annotate texts with a pipeline and yield the Docs in order.

    RAISES BertNerError: a component failed.
    """
    with running(name):
        yield from open_pipeline(name).pipe(texts, batch_size=8)


@st.cache_data(show_spinner=False, max_entries=20)
def annotate(name: str, text: str) -> list[list[EntitySpan]]:
    """Return the entities for each part of a text. Show a progress bar if there are several parts."""
    parts = split_for_pipeline(name, text)
    bar = st.progress(0.0, text="Finding entities …") if len(parts) > 1 else None
    entities_by_part = []
    for i, doc in enumerate(pipe(name, [part.text for part in parts]), start=1):
        entities_by_part.append(entity_spans(doc))
        if bar:
            bar.progress(i / len(parts), text=f"Finding entities: part {i} of {len(parts)}")
    if bar:
        bar.empty()
    return entities_by_part


@st.cache_data(show_spinner=False, max_entries=20)
def token_rows(name: str, text: str) -> list[dict[str, Any]]:
    """Return the token table for a short text. See `token_table.token_rows`."""
    nlp = open_pipeline(name)
    names = our_components(nlp)
    (doc,) = pipe(name, [text])
    return token_table.token_rows(doc, nlp.get_pipe(names[0]) if names else None)


def describe(name: str) -> str:
    """Return the name of a pipeline with its F1 on the dev data, if its training has saved it."""
    meta = open_pipeline(name).meta
    f1 = (meta.get("performance") or {}).get("ents_f")
    score = f", F1 {f1:.3f} on its dev data" if f1 is not None else ""
    return f"{meta['lang']}_{meta['name']} {meta['version']}{score}"


def ask() -> tuple[list[str], str]:
    """Show the input form and return the user's input.

    RETURNS (tuple[list[str], str]): one or two pipeline folders or package names, and the text to annotate.
    RAISES BertNerError: the text is empty or too long, or the uploaded file is not a text file.
    """
    pipelines = sys.argv[1:]
    if pipelines[0] == "--code":
        _, path, *pipelines = pipelines
        import_once(path)
    with st.form("input"):
        names = pipelines[:1]
        if len(pipelines) > 1:
            left, right = st.columns(2)
            names = [str(left.selectbox("Pipeline", pipelines))]
            other = right.selectbox("Compare with", pipelines, index=None, placeholder="no other pipeline")
            names += [other] if other is not None and other != names[0] else []
        typed = st.text_area("Text", EXAMPLE, height=150, help="Press Ctrl+Enter to submit.")
        file = st.file_uploader("Text file (replaces the text above)", type=["txt", "text", "md"])
        st.form_submit_button("Find entities", type="primary")
    text = text_parts.decode(file.getvalue(), file.name) if file is not None else typed
    return names, text_parts.check_text(text)


def show_all(names: Sequence[str], text: str) -> None:
    """Show the entities that each pipeline finds in a text, side by side if there are two pipelines."""
    for column, name in zip(st.columns(len(names)), names, strict=True):
        # Streamlit tells widgets with the same label apart by their keys.
        with column:
            st.caption(describe(name))
            show(name, text, key="" if name == names[0] else " ")


def show(name: str, text: str, key: str = "") -> None:
    """Show the entities in a text with filters, downloads and a token table.

    name (str): folder of the pipeline, or name of its package.
    text (str): the text.
    key (str): distinguishes the widgets of two pipelines. Default: "".
    """
    entities_by_part = annotate(name, text)
    parts = split_for_pipeline(name, text)
    all_entities = [entity for entities in entities_by_part for entity in entities]
    labels = sorted({entity.label for entity in all_entities})
    if not all_entities:
        st.info("No entities were found in this text.")
        st.html(STYLE + render_entities(parts[0].text, [], {}))
        return
    have_scores = any(entity.score is not None for entity in all_entities)
    left, right = st.columns(2)
    min_score = left.slider("Minimum score", 0.0, 1.0, 0.0, 0.01, disabled=not have_scores, key=f"score{key}")
    selected_labels = right.multiselect("Labels", labels, default=labels, key=f"labels{key}")
    selected = [text_parts.filter_entities(entities, min_score, selected_labels) for entities in entities_by_part]
    table = text_parts.table_rows(parts, selected)
    st.markdown(f"**{len(table):,}** of {len(all_entities):,} entities")
    number = 1
    if len(parts) > 1:
        number = int(st.number_input(f"Part of the text (1 to {len(parts):,})", 1, len(parts), 1, key=f"part{key}"))
    # This is safe because `render_entities` escapes its input.
    colour_of = label_colors(entity_labels(open_pipeline(name)))
    st.html(STYLE + render_entities(parts[number - 1].text, selected[number - 1], colour_of))
    st.dataframe(
        table,
        hide_index=True,
        column_config={"score": st.column_config.ProgressColumn("score", min_value=0.0, max_value=1.0, format="%.3f")},
    )
    first, second = st.columns(2)
    first.download_button("Download as CSV", text_parts.to_csv(table), "entities.csv", "text/csv", key=f"csv{key}")
    second.download_button(
        "Download as JSONL", text_parts.to_jsonl(table), "entities.jsonl", "application/jsonl", key=f"jsonl{key}"
    )
    with st.expander("Tokens, subwords and tag probabilities"):
        st.dataframe(token_rows(name, parts[number - 1].text), hide_index=True)


def main() -> None:
    """Show the page. Show errors as messages instead of tracebacks."""
    # Two pipelines need the whole width. The number of arguments includes the name of this file.
    layout: Any = "wide" if len(sys.argv) - 2 * ("--code" in sys.argv) > 2 else "centered"
    st.set_page_config(page_title="Entities", page_icon="🔎", layout=layout)
    st.title("Entities")
    try:
        show_all(*ask())
    except BertNerError as e:
        st.error(str(e))


main()
