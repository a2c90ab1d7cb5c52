"""The page itself, which `streamlit run` runs from top to bottom whenever somebody does something on it.

    python -m spacy bert-ner visualize training/model-best

Arguments: `--code` and a Python file, if there is one; pipelines, as folders or names of packages.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from spacy.tokens import Doc

from spacy_bert_ner.demo import text_parts as texts
from spacy_bert_ner.demo import token_table as tokens
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.reporting.entity_html import EntitySpan, label_colors, render_entities, shown
from spacy_bert_ner.util.pipelines import load, our_components, running
from spacy_bert_ner.util.user_code import import_code

EXAMPLE = "Kevin Durant plays for the Brooklyn Nets. Last March he flew from New York to Lisbon, to Portuguese fans."
STYLE = """<style>
.entities { line-height: 2.2 !important; overflow-wrap: anywhere; }
.entities mark { -webkit-box-decoration-break: clone; box-decoration-break: clone; }
</style>"""


@st.cache_resource(show_spinner=False)
def import_once(path: str) -> None:
    """Import the file of `--code`, once for all runs of the page."""
    import_code(Path(path))


@st.cache_resource(show_spinner="Opening the pipeline …", max_entries=3)
def open_pipeline(name: str) -> Any:
    """A pipeline, once for all who look at the page."""
    return load(name)


def parts(name: str, text: str) -> list[texts.Part]:
    """A text in parts that the pipeline takes."""
    return list(texts.parts(text, min(texts.PART, open_pipeline(name).max_length)))


def pipe(name: str, several: Sequence[str]) -> Iterator[Doc]:
    """Texts, annotated by a pipeline, which may have components of any kind."""
    with running(name):
        yield from open_pipeline(name).pipe(several, batch_size=8)


@st.cache_data(show_spinner=False, max_entries=20)
def annotate(name: str, text: str) -> list[list[EntitySpan]]:
    """The entities of each part of a text; a bar shows how far it is."""
    cut = parts(name, text)
    bar = st.progress(0.0, text="Looking for entities …") if len(cut) > 1 else None
    found = []
    for i, doc in enumerate(pipe(name, [part.text for part in cut]), start=1):
        found.append(shown(doc))
        if bar:
            bar.progress(i / len(cut), text=f"Looking for entities: part {i} of {len(cut)}")
    if bar:
        bar.empty()
    return found


@st.cache_data(show_spinner=False, max_entries=20)
def token_table(name: str, text: str) -> list[dict[str, Any]]:
    """What the pipeline sees of each token of a part."""
    nlp = open_pipeline(name)
    ours = our_components(nlp)
    (doc,) = pipe(name, [text])
    return tokens.token_rows(doc, nlp.get_pipe(ours[0]) if ours else None)


def ask() -> tuple[str, str] | None:
    """The pipeline and the text that were given; None while there is none."""
    pipelines = sys.argv[1:]
    if pipelines[0] == "--code":
        _, path, *pipelines = pipelines
        import_once(path)
    with st.form("input"):
        name = str(st.selectbox("Pipeline", pipelines)) if len(pipelines) > 1 else pipelines[0]
        typed = st.text_area("Text", EXAMPLE, height=150, help="Ctrl+Enter sends it")
        file = st.file_uploader("or a text file, which goes before the text above", type=["txt", "text", "md"])
        st.form_submit_button("Find entities", type="primary")
    text = texts.decode(file.getvalue(), file.name) if file is not None else typed
    return name, texts.check(text)


def show(name: str, text: str) -> None:
    """What was found, and what can be done with it."""
    found = annotate(name, text)
    cut = parts(name, text)
    every = [one for part in found for one in part]
    labels = sorted({one.label for one in every})
    if not every:
        st.info("No entity was found in this text.")
        st.html(STYLE + render_entities(cut[0].text, [], {}))
        return
    have_scores = any(one.score is not None for one in every)
    left, right = st.columns(2)
    least = left.slider("Least score", 0.0, 1.0, 0.0, 0.01, disabled=not have_scores)
    wanted = right.multiselect("Labels", labels, default=labels)
    kept = [texts.chosen(part, least, wanted) for part in found]
    table = texts.rows(cut, kept)
    st.markdown(f"**{len(table):,}** of {len(every):,} entities")
    number = 1
    if len(cut) > 1:
        number = int(st.number_input(f"Part of the text, of {len(cut):,}", 1, len(cut), 1))
    # Safe: `render_entities` escapes what it writes.
    st.html(STYLE + render_entities(cut[number - 1].text, kept[number - 1], label_colors(labels)))
    st.dataframe(
        table,
        hide_index=True,
        column_config={"score": st.column_config.ProgressColumn("score", min_value=0.0, max_value=1.0, format="%.3f")},
    )
    first, second = st.columns(2)
    first.download_button("Download as CSV", texts.to_csv(table), "entities.csv", "text/csv")
    second.download_button("Download as JSONL", texts.to_jsonl(table), "entities.jsonl", "application/jsonl")
    with st.expander("Tokens, subwords, and how likely their tags are"):
        st.dataframe(token_table(name, cut[number - 1].text), hide_index=True)


def main() -> None:
    """The page."""
    st.set_page_config(page_title="Entities", page_icon="🔎")
    st.title("Entities")
    try:
        given = ask()
        if given:
            show(*given)
    except BertNerError as e:
        st.error(str(e))


main()
