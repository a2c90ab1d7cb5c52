"""Test the warning about a pipeline tokenizer that does not fit the texts or the checkpoint."""

import warnings

import pytest
from oracle import oracle

pytestmark = pytest.mark.usefixtures("few_exceptions")


def outside(ids):
    return ["O"] * len(ids)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("東京都庁舎所在地新宿区西新宿二丁目。", "zh"),
        ("Sie sagten: 新しい店舗は新宿駅前にある。", "ja"),
        ("ประเทศไทยกรุงเทพมหานครอมรรัตนโกสินทร์", "th"),
    ],
)
def test_a_text_without_spaces_that_is_one_token_is_told_once(text, lang):
    nlp = oracle("xx", "wordpiece", outside)
    with pytest.warns(
        UserWarning, match=rf"'xx' does not split .* is one token\. .* spacy.blank\(\"{lang}\"\)"
    ) as told:
        list(nlp.pipe(["Kevin", text, text]))
    assert len(told) == 1


def test_many_tokens_that_share_a_subword_are_told_once():
    nlp = oracle("zh", "wordpiece", outside)
    message = r"Of the first 100 tokens, 75% share .* 'zh' splits text into shorter .* tokenizer in 'bert_ner'"
    with pytest.warns(UserWarning, match=message) as told:
        # 2017 is one subword and four tokens, so three of the tokens are joined.
        list(nlp.pipe(["2017"] * 50))
    assert len(told) == 1


def test_texts_that_fit_are_not_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(oracle("en", "wordpiece", outside).pipe(["On Wed, Kevin Durant met id 7 fans."] * 30))
        list(oracle("zh", "wordpiece", outside).pipe(["在北京, 新宿にある東京都庁, 在北京 2017"] * 10))
        # There are too few tokens for a warning.
        oracle("zh", "wordpiece", outside)("2017 2017")
