"""Test that a checkpoint's JSON files cannot specify code, kernels, other files or repositories.

Stand-ins for `kernels`, `bitsandbytes` and `peft` record imports and calls. They must be on the path before
transformers is imported, so their tests run in a separate process.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from architectures import MODEL_TYPES, make_config
from checkpoints import make_tokenizer
from huggingface_hub.errors import OfflineModeIsEnabled
from hypothesis import settings
from support import ROOT
from transformers import AutoTokenizer

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.checkpoints.config_allowlist import IMPLEMENTATIONS, check_settings, own_files
from spacy_bert_ner.errors import CheckpointError

KERNEL = "someone/kernel"
REFUSED = {
    "attention": {"attn_implementation": KERNEL},
    "attention, with a function, as transformers 4 takes it": {"attn_implementation": f"{KERNEL}:run"},
    "attention, privately": {"_attn_implementation": KERNEL},
    "attention, internally": {"_attn_implementation_internal": KERNEL},
    "attention, of a package": {"attn_implementation": "flash_attention_2"},
    "attention, of one part": {"attn_implementation": {"": "eager", "text_config": KERNEL}},
    "attention, a list": {"attn_implementation": [KERNEL]},
    "experts": {"experts_implementation": KERNEL},
    "experts, of a package": {"_experts_implementation": "sonicmoe"},
    "fewer bits": {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
    "fewer bits, of compressed-tensors": {"compression_config": {"quant_method": "compressed-tensors"}},
    "code of a pipeline": {"custom_pipelines": {"ner": {"impl": "code.Pipeline"}}},
    "another config": {"configuration_files": ["../config.4.0.0.json"]},
    "a repository": {"backbone": "someone/backbone"},
    "kernels": {"kernel_config": {"RMSNorm": KERNEL}},
    "kernels, all": {"use_kernels": True},
    "other modules": {"fusion_config": {"patch_embeddings": True}},
    "a class that opens others": {"tokenizer_class": "RagTokenizer"},
    "a class that is no tokenizer": {"tokenizer_class": "Trainer"},
    "a class that is no name": {"tokenizer_class": ["BertTokenizer"]},
}


@pytest.fixture
def tagger_copy(tagger, tmp_path):
    return shutil.copytree(tagger, tmp_path / "checkpoint")


def damage(folder: Path, name: str = "config.json", **changes: object) -> Path:
    path = folder / name
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | changes))
    return folder


@pytest.mark.parametrize("kind", REFUSED)
def test_a_config_that_names_code_or_files_is_refused(tagger_copy, kind):
    (key,) = REFUSED[kind]
    with pytest.raises(
        CheckpointError, match=rf"^The checkpoint .* config\.json has {key} = .*Allowed: .*remove {key}"
    ):
        Checkpoint.from_pretrained(damage(tagger_copy, **REFUSED[kind]))
    with pytest.raises(CheckpointError, match=rf"config\.json has {key} = "):
        Checkpoint.load_tokenizer_only(tagger_copy)


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("wrap", [lambda d: {"text_config": d}, lambda d: {"per_layer_config": [{"0": d}]}])
def test_so_is_one_nested_in_it(kind, wrap):
    with pytest.raises(CheckpointError, match=r"config\.json has \w+ = "):
        check_settings("name", "config.json", wrap(REFUSED[kind]))


def test_code_in_a_nested_config_is_refused():
    with pytest.raises(
        CheckpointError, match=r"requires custom code, which is never run: config\.json has auto_map = "
    ):
        check_settings("name", "config.json", {"text_config": {"auto_map": {"AutoModel": "code.Model"}}})


@pytest.mark.parametrize("implementation", [None, *IMPLEMENTATIONS[:2], {"": "eager"}])
def test_attention_of_torch_is_allowed(tagger_copy, implementation):
    Checkpoint.from_pretrained(damage(tagger_copy, attn_implementation=implementation))


@pytest.mark.parametrize(
    "settings",
    [
        {"quantization_config": None, "auto_map": {}, "custom_pipelines": {}, "init_inputs": [], "use_kernels": False},
        {"_attn_implementation_autoset": True, "tokenizer_class": "BertTokenizerFast", "_name_or_path": "a/b"},
        {"fast_tokenizer_files": ["tokenizer.json", "tokenizer.4.0.0.json"]},
        *({"tokenizer_class": cls} for cls in ("TokenizersBackend", "PreTrainedTokenizerFast", "XLMRobertaTokenizer")),
        [[[1]]],
        "text",
        None,
    ],
)
def test_what_is_empty_or_harmless_is_allowed(settings):
    check_settings("name", "config.json", settings)


@pytest.mark.parametrize(
    ("file", "settings", "message"),
    [
        (
            "tokenizer_config.json",
            {"init_inputs": ["/etc/passwd"]},
            "init_inputs = .*other values refer to tokenizer files",
        ),
        (
            "tokenizer_config.json",
            {"fast_tokenizer_files": ["../tokenizer.4.0.json"]},
            "Allowed: files in the checkpoint's folder",
        ),
        (
            "tokenizer_config.json",
            {"fast_tokenizer_files": ["tokenizer...json"]},
            "Allowed: files in the checkpoint's folder",
        ),
        ("tokenizer_config.json", {"tokenizer_class": "AutoModel"}, "Allowed: the name of a tokenizer class"),
        ("tokenizer_config.json", {"mecab_kwargs": {"mecab_option": "-d /x"}}, "mecab_option = '-d /x'"),
        ("tokenizer_config.json", {"sp_model_kwargs": {"model_file": "/x"}}, "model_file = '/x'"),
        ("special_tokens_map.json", {"tokenizer_file": "/x"}, "Allowed: keys of special tokens, such as cls_token"),
        ("generation_config.json", {"auto_map": {"a": "b.C"}}, "requires custom code"),
    ],
)
def test_other_files_that_name_files_are_refused(tagger_copy, file, settings, message):
    damage(tagger_copy, file, **settings)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.from_pretrained(tagger_copy)


def test_a_long_value_is_cut_short():
    with pytest.raises(CheckpointError) as e:
        check_settings("name", "config.json", {"quantization_config": {"a": "b" * 10_000}})
    assert len(str(e.value)) < 700


def test_files_that_a_tokenizer_names_are_those_of_its_folder(tmp_path):
    """Test absolute paths. Configs saved by transformers 4 contain paths on the machine that saved them."""
    for name in ("tokenizer.json", "vocab.txt"):
        (tmp_path / name).write_text("{}")
    settings = {
        "tokenizer_file": "/root/.cache/0123",
        "vocab_file": "C:\\x\\vocab.txt",
        "gguf_file": "/etc/x",
        "a": "b",
    }
    own = {"tokenizer_file": str(tmp_path / "tokenizer.json"), "vocab_file": str(tmp_path / "vocab.txt")}
    assert own_files(tmp_path, settings | {"merges_file": None}) == own | {"gguf_file": None}
    assert own_files(tmp_path, ["no", "table"]) == {}


def test_a_tokenizer_elsewhere_is_not_opened(tagger_copy, tmp_path):
    other = make_tokenizer()
    other.add_tokens(["elsewhere"])
    other.save_pretrained(tmp_path / "other")
    damage(tagger_copy, "tokenizer_config.json", tokenizer_file=str(tmp_path / "other" / "tokenizer.json"))
    assert "elsewhere" in AutoTokenizer.from_pretrained(tmp_path / "other").get_vocab()
    assert "elsewhere" not in Checkpoint.from_pretrained(tagger_copy).tokenizer.get_vocab()


def test_no_repository_is_asked_for_a_backbone(tagger_copy):
    """Test that the Hub is not queried. Transformers 5 queries it as soon as it reads a config with this backbone."""
    damage(tagger_copy, model_type="detr", backbone="someone/backbone", use_timm_backbone=False)
    with pytest.raises(CheckpointError, match="config.json has backbone = 'someone/backbone'") as e:
        Checkpoint.from_pretrained(tagger_copy)
    assert not isinstance(e.value.__cause__, OfflineModeIsEnabled)


STAND_IN = """
import builtins
if not hasattr(builtins, "stood_in_for"):
    builtins.stood_in_for = []
builtins.stood_in_for.append(("import", __name__))

class Recorder:
    def __init__(self, *args, **kwargs):
        builtins.stood_in_for.append(("call", type(self).__name__, args))
    def __call__(self, *args, **kwargs):
        builtins.stood_in_for.append(("call", type(self).__name__, args))
        return args[0] if args and callable(args[0]) else self
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (Recorder,), {})
"""
WALK = '''
import builtins, json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
builtins.stood_in_for = []
sys.path.insert(0, sys.argv[1])
from architectures import make_config
from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import BertNerError
folder, models = Path(sys.argv[2]), sys.argv[3:]
config_file = folder / "config.json"
VALUES = ["someone/kernel", "someone/kernel:run", {"quant_method": "bitsandbytes", "load_in_8bit": True}]
MORE = ["attn_implementation", "_attn_implementation", "_attn_implementation_internal", "experts_implementation",
        "_experts_implementation", "quantization_config", "compression_config", "kernel_config", "use_kernels",
        "_name_or_path", "name_or_path", "adapter_config", "peft_config", "base_model_name_or_path", "fusion_config",
        "backbone", "custom_pipelines", "auto_map", "transformers_weights", "configuration_files"]

def keys_of(table):
    for key, value in list(table.items()):
        yield table, key
        if isinstance(value, dict):
            yield from keys_of(value)

def own_keys(config):
    """All that its class takes, and not only what differs from its defaults."""
    return {**{key: value for key, value in config.__dict__.items() if not key.startswith("__")}, **config.to_dict()}

def tables(plain):
    yield plain
    for key, value in plain.items():
        if isinstance(value, dict) and key.endswith("_config"):
            yield value

found, n = [], 0
for model_type in models:
    config = make_config(model_type, id2label={0: "O", 1: "B-per"})
    plain = json.loads(json.dumps(config.to_dict(), default=str))
    names = {*own_keys(config), *MORE}
    config_file.write_text(json.dumps(plain))
    try:
        Checkpoint.load_tokenizer_only(folder)  # imports the architecture, whose decorators are calls
    except BertNerError:
        pass
    places = [(table, key) for table in tables(plain) for key in sorted({*table, *(names if table is plain else MORE)})]
    for table, key in places:
        before = table.get(key, builtins)
        for value in VALUES:
            table[key] = value
            config_file.write_text(json.dumps(plain))
            builtins.stood_in_for.clear()
            try:
                Checkpoint.load_tokenizer_only(folder)
            except BertNerError:
                pass
            n += 1
            if builtins.stood_in_for:
                found.append([model_type, key, str(value), str(builtins.stood_in_for[0])])
        if before is builtins:
            del table[key]
        else:
            table[key] = before
print(json.dumps({"n": n, "found": found}))
'''


@pytest.fixture
def stand_ins(tmp_path):
    """Return a folder with stand-in packages that appear to be installed."""
    for name, version in {"kernels": "0.18.9", "bitsandbytes": "0.48.0", "peft": "0.19.0"}.items():
        (tmp_path / "site" / name).mkdir(parents=True)
        (tmp_path / "site" / name / "__init__.py").write_text(f'__version__ = "{version}"\n{STAND_IN}')
        info = tmp_path / "site" / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n")
        (info / "top_level.txt").write_text(f"{name}\n")
    return tmp_path / "site"


def walk(stand_ins, tmp_path, model_types, code=WALK):
    folder = tmp_path / "checkpoint"
    make_tokenizer().save_pretrained(folder)
    tests = ROOT / "tests" / "helpers"
    path = os.pathsep.join([str(stand_ins), *filter(None, [os.environ.get("PYTHONPATH")])])
    arguments = [sys.executable, "-c", code, str(tests), str(folder), *model_types]
    env = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(arguments, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.process
def test_no_key_of_a_config_reaches_a_package(stand_ins, tmp_path):
    found = walk(stand_ins, tmp_path, ["bert"])
    assert found["found"] == []
    assert found["n"] > 100


@pytest.mark.process
def test_the_stand_ins_would_record_it(stand_ins, tmp_path):
    """Test that the stand-ins record access if settings are not checked."""
    off = "import spacy_bert_ner.checkpoints.safety as locks\nlocks.check_settings = lambda *_: None\nfolder, models ="
    found = walk(stand_ins, tmp_path, ["bert"], WALK.replace("folder, models =", off))["found"]
    # Transformers 4 only reads the first setting. Transformers 5 reads both.
    assert "_attn_implementation" in {key for _, key, *_ in found}


@pytest.mark.fuzz
def test_no_key_of_any_architecture_reaches_a_package(stand_ins, tmp_path):
    model_types = MODEL_TYPES if settings.default.max_examples > 20 else MODEL_TYPES[::50]
    found = walk(stand_ins, tmp_path, model_types)
    assert found["found"] == []
    assert found["n"] > 100 * len(model_types)


def test_all_architectures_save_configs_that_are_allowed():
    """Test that settings which transformers writes by default are never rejected."""
    for model_type in MODEL_TYPES:
        check_settings(model_type, "config.json", json.loads(make_config(model_type).to_json_string()))
