"""Test that the licences of all installed dependencies are known, allowed and listed."""

import importlib.util

import pytest
from support import ROOT

spec = importlib.util.spec_from_file_location("licences", ROOT / "scripts" / "licences.py")
licences = importlib.util.module_from_spec(spec)
spec.loader.exec_module(licences)


def test_the_list_has_all_that_is_installed_and_nothing_that_is_not_allowed():
    licences.main("--check")
    known = licences.listed()
    assert {"spacy", "thinc", "torch", "transformers", "numpy", "onnxruntime", "urllib3", "tqdm"} <= known.keys()
    assert known["spacy"] == "MIT"
    assert "pytest" not in known
    assert not [name for name, told in known.items() if licences.not_allowed(told)]


def test_a_package_that_is_not_listed_is_named(monkeypatch, tmp_path):
    text = licences.PATH.read_text().replace("| urllib3 | MIT |", "| urllib4 | MIT |")
    monkeypatch.setattr(licences, "PATH", tmp_path / "licences.md")
    licences.PATH.write_text(text)
    with pytest.raises(SystemExit, match="does not list urllib3. Run: python scripts/licences.py"):
        licences.main("--check")


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ("MIT", []),
        ("GPL-3.0-only", ["GPL-3.0-only"]),
        ("MIT AND LGPL-2.1-only", ["LGPL-2.1-only"]),
        ("MIT OR GPL-2.0-only", []),
        ("Proprietary", ["Proprietary"]),
    ],
)
def test_a_licence_that_is_not_allowed_is_named(told, wrong):
    assert licences.not_allowed(told) == wrong


def test_a_licence_that_is_not_known_stops(monkeypatch):
    class Unknown:
        metadata = type("Metadata", (dict,), {"get_all": lambda self, key: None})(License="As you like")

    with pytest.raises(SystemExit, match="some has the unknown licence 'As you like'. Add it"):
        licences.licence("some", Unknown())
    with pytest.raises(SystemExit, match="other is not installed"):
        licences.licence("other", None)


def test_an_sbom_is_left_with_what_users_install():
    names = [name for name, (own, _) in licences.closure().items() if own and not licences.NOT_LISTED.fullmatch(name)]
    parts = [{"name": name, "bom-ref": name} for name in (*names, "pytest")]
    bom = {
        "metadata": {"component": {"bom-ref": "root"}},
        "components": parts,
        "dependencies": [{"ref": "root", "dependsOn": ["spacy", "pytest"]}, {"ref": "pytest"}, {"ref": "spacy"}],
    }
    pruned = licences.prune(bom)
    assert sorted(part["name"] for part in pruned["components"]) == sorted(names)
    assert pruned["dependencies"] == [{"ref": "root", "dependsOn": ["spacy"]}, {"ref": "spacy"}]
    licence = next(part["licenses"] for part in pruned["components"] if part["name"] == "spacy")
    assert licence == [{"expression": "MIT"}]
    del bom["components"][names.index("spacy")]
    with pytest.raises(SystemExit, match="The SBOM lacks spacy"):
        licences.prune(bom)


def test_all_extras_are_listed_except_those_for_development_and_gpus():
    tomllib = pytest.importorskip("tomllib")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras.keys() - {"dev", "cuda12x"} == set(licences.EXTRAS) - {""}
