"""Test how numbers and names are formatted for readers."""

import pytest

from spacy_bert_ner.reporting.text import interval, join_names, percent, score


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0.0%"), (0.0004, "< 0.1%"), (0.001, "0.1%"), (0.5, "50.0%"), (1, "100.0%")]
)
def test_shares_are_percentages(value, text):
    assert percent(value) == text


def test_scores_and_intervals_have_as_many_digits_as_asked_for():
    assert (score(0.56649), score(0.56649, 4), score(None), score(None, missing="-")) == ("0.566", "0.5665", "–", "-")
    assert interval([0.56649, 1]) == "0.566 to 1.000"
    assert interval([0.56649, 1], 4) == "0.5665 to 1.0000"
    assert (interval(None), interval(None, missing="-")) == ("–", "-")


def test_of_many_names_the_rest_is_counted():
    assert join_names([], 2) == ""
    assert join_names(["geo", "per"], 2) == "geo, per"
    assert join_names(["geo", "per", "org", "tim"], 2) == "geo, per and 2 more"
