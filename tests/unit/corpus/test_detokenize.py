import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.corpus.detokenize import natural_spaces


def text(words):
    return "".join(word + " " * space for word, space in zip(words, natural_spaces(words), strict=True))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('He said " It is n\'t ( yet ) " .', 'He said "It isn\'t (yet)".'),
        ("The U.N. , said Mr. O'Neill 's wife , held hour-long talks .", None),
        ("The workers ' hall , the boss ' office", "The workers' hall, the boss' office"),
        ("She said : ' No ! '", "She said: 'No!'"),
        ('" Why ? " he asked ; " Because . "', '"Why?" he asked; "Because."'),
        ("`` Well '' , he said", "``Well'', he said"),
        ("It cost $ 3.5 , US$ 4 or £ 3 , up 5 % ...", "It cost $3.5, US$4 or £3, up 5%..."),
        ("They 're here , I 'm not and we ca n't", "They're here, I'm not and we can't"),
        ("“ Hello ” ( he [ the man ] said ) « là »", "“Hello” (he [the man] said) «là»"),
        ("A - B -- C and / or 1990-91", "A - B -- C and / or 1990-91"),
        (". ) after an empty (", ".) after an empty ("),
        ('" open to the end', '"open to the end'),
        ("王 小 明 在 北 京 。 他 走", "王小明在北京。他走"),
        ("他 说 ： 「 你 好 」 ， 走 了", "他说：「你好」，走了"),
        ("東京 タワー に 行き まし た", "東京タワーに行きました"),
        ("ฉัน ไป โรงเรียน", "ฉันไปโรงเรียน"),
        ("他 用 iPhone 在 2008 年 拍 的", "他用 iPhone 在 2008 年拍的"),
        ("Tokyo ( 東京 ) means 東 京 or （ eastern capital ） .", "Tokyo (東京) means 東京 or （eastern capital）."),
        ("서울 에서 만나요", "서울 에서 만나요"),
        ("Sie sagte „ ja “ und » nein « zu Bo .", "Sie sagte „ja“ und »nein« zu Bo."),
        ("„ Er rief ‚ los ‘ oder › halt ‹ “ , sagte sie .", "„Er rief ‚los‘ oder ›halt‹“, sagte sie."),
        ("„ Nein “ , rief er , “ nicht jetzt “ .", "„Nein“, rief er, “nicht jetzt“."),
        ("Dann gehe ich . “", "Dann gehe ich.“"),
        ("Dann gehe ich “ .", "Dann gehe ich“."),
        ("Er rief : „ Dann gehe ich .", "Er rief: „Dann gehe ich."),
        ("Rzekł „ tak ” i „ nie ” .", "Rzekł „tak” i „nie”."),
        ("Hon sa ” ja ” och ” nej ” .", "Hon sa ”ja” och ”nej”."),
        ("Hän sanoi » ei » .", "Hän sanoi »ei»."),
        ("Il dit : « Oui » , puis ‹ non › .", "Il dit: «Oui», puis ‹non›."),
        ("et partit . » Puis il dit : « Oui . »", "et partit.» Puis il dit: «Oui.»"),
        ("“ Yes , ” she said . “ No ! ”", "“Yes,” she said. “No!”"),
        ("I left . ”", "I left.”"),
        ("She said : “ I left .", "She said: “I left."),
        ("‘ Yes , ’ said the workers ’ friend", "‘Yes,’ said the workers’ friend"),
        ("A “” is one word", "A “” is one word"),
        ("他 说 “ 好 ” — 走 了 … 吧", "他说“好”—走了…吧"),
        ("他 说 “ iPhone ” 好", "他说“iPhone”好"),
        ("It means “ 東京 ” here", "It means “東京” here"),
        ("ㄅ ㄆ ㄇ 你", "ㄅㄆㄇ你"),
    ],
)
def test_text_as_in_print(words, expected):
    expected = expected or "The U.N., said Mr. O'Neill's wife, held hour-long talks."
    assert text(words.split(" ")) == expected


@given(st.lists(st.sampled_from(["a", '"', "'", "(", ")", ".", "'s", "n't", "$", "as", "\x85"]), max_size=12))
def test_no_word_is_lost_and_none_is_followed_by_a_space_at_the_end(words):
    spaces = natural_spaces(words)
    assert len(spaces) == len(words)
    assert not spaces or spaces[-1] is False
    assert text(words).replace(" ", "") == "".join(words)
