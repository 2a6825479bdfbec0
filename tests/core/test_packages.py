"""The list of packages in pyproject.toml: an editable install works without it, a wheel does not."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_folder_with_code_or_data_is_in_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = set()
    named = {folder: name for name, folder in settings["package-dir"].items()}
    for folder, name in named.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            own = str(init.parent.relative_to(ROOT))
            if own != folder and own in named:
                continue  # a package with a name of its own
            found.add(".".join([name, *init.parent.relative_to(ROOT / folder).parts]))
    assert set(settings["packages"]) == found | {"populace.agents.llm.pocket_model"}
    model = ROOT / "agents/llm/pocket_model"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in model.iterdir()}
    assert settings["package-data"]["populace.agents.llm.pocket_model"] == ["*", "adapters/*/*"]
    assert {path.name for path in (model / "adapters" / "hu-2025").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
