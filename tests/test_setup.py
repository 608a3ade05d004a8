"""What setup.py says of the package on PyPI, where files of the repository are not beside the page."""

import re
import runpy
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
URL = "https://example.org/me/it"


@pytest.fixture
def described(monkeypatch):
    monkeypatch.setattr(setuptools, "setup", lambda **options: None)
    return runpy.run_path(str(ROOT / "setup.py"))["described"]


def targets(text):
    return re.findall(r"\]\(([^)]*)\)", text)


def test_without_an_address_links_are_words_and_pictures_are_left_out(described):
    text = described(README, None)
    assert all(re.match("https?://|#", target) for target in targets(text))
    assert "![" not in text
    assert "| Start | from a checkout" in text


def test_with_an_address_every_link_and_picture_leads_there(described):
    text = described(README, URL)
    assert len(targets(text)) == len(targets(README))
    assert f"]({URL}/raw/main/docs/webui.png)\n\n" in text
    assert f"[Start]({URL}/blob/main/docs/start.md)" in text
    assert "[NNI](https://github.com/microsoft/nni)" in text


def test_every_link_of_the_readme_leads_to_a_file():
    relative = [target for target in targets(README) if not re.match("https?://|#", target)]
    assert [target for target in relative if not (ROOT / target).exists()] == []
