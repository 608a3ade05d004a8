"""``nasplus search --task superresolution``: what it refuses, and operations and bits for real photographs."""

from __future__ import annotations

import json

import pytest
from nasplus_command import refused
from PIL import Image
from sklearn.datasets import load_sample_images

from nni_nasplus.cli import main
from nni_nasplus.report.findings import REPORT

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The two photographs of scikit-learn."""
    folder = tmp_path_factory.mktemp("photos")
    for name, pixels in zip(("temple", "flower"), load_sample_images().images, strict=True):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scale-factor", "5"], "--scale-factor is 5; use 2, 3 or 4"),
        (["--bits", "0,4"], "bits is 0; use whole numbers from 1 to 8, or 32 for floats"),
        (["--bits", "1,4"], "bits is 1; use 2 to 8, or 32 for floats"),
        (["--bits", "some"], "--bits has 'some'; use whole numbers from 2 to 8"),
        (["--patch", "0"], "--patch is 0; use more than 0"),
        (["--patch", "300"], "a patch 600×600; use a smaller --patch"),
        (["--objective", "accuracy"], "unknown objective 'accuracy'; choose one of psnr, ssim, loss"),
        (["--space", "nb201"], "space 'nb201' is not for photographs to enlarge; use --space superresolution"),
    ],
)
def test_what_cannot_be_is_one_line(options, said, photos, tmp_path, capsys):
    given = ["search", "--images", photos, "--task", "superresolution", "--out", tmp_path / "run", *options]
    assert said in refused(capsys, *given)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_folder_that_is_none_is_named(tmp_path, capsys):
    arguments = ["search", "--images", tmp_path / "no", "--task", "superresolution"]
    assert "no folder; name one of photographs" in refused(capsys, *arguments)


@pytest.mark.system
def test_operations_and_bits_are_found_on_photographs_and_enlarge_others(photos, tmp_path):
    small = ["--epochs=2", "--patches=160", "--channels=8", "--blocks=2", "--tail-minutes=0.001", "--trials=1"]
    search = ["--bits=4,8", "--strategy=quantnas", "--strategy_options.epochs=2", "--host=process"]
    run = tmp_path / "run"
    main(["search", "--images", str(photos), "--task=superresolution", *small, *search, f"--out={run}"])
    rows = json.loads((run / REPORT).read_text())
    assert "bicubic" in json.dumps(rows)
    page = (run / "report.html").read_text()
    assert page.count('alt="flower.png, ') == 4
    assert "nasplus predict MODEL --images new_pictures/ --pictures enlarged/" in page
    main(["export", str(run), "--to", str(tmp_path / "model")])
    (beside,) = (tmp_path / "model" / "pictures").iterdir()
    assert beside.name == "1_flower.png"
    assert "In pictures/ are parts of photographs that tested" in (tmp_path / "model" / "README.md").read_text()
    assert (tmp_path / "model" / "bits.csv").read_text().splitlines()[1].startswith("head,32,32,")
    main(["predict", str(tmp_path / "model"), "--images", str(photos), "--pictures", str(tmp_path / "large")])
    assert Image.open(tmp_path / "large" / "temple.png").size == (1280, 854)
