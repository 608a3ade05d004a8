"""How Sphinx builds the site: ``make docs``, into build/docs."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
"""Tutorials call commands by their names, and train networks that are too small for several threads."""

from example_pictures import ExamplePictures  # noqa: E402  # after the path

from nni_nasplus import __version__  # noqa: E402

project = "nni-nasplus"
author = "The nni-nasplus authors"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "lazy_modules",
    "links",
    "catalogue_pages",
    "pictures",
]
exclude_patterns = ["_extensions", "generated/*.md", "strategies/page.md.jinja", "tutorials/sg_execution_times.rst"]
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!nni_nasplus\.).*")]
"""Names of other packages have no pages here; those of this one are looked up, see ``lazy_modules``."""

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "exclude-members": "set_fit_request, set_predict_request, set_predict_proba_request, set_score_request",
}
"""What is left out scikit-learn adds to every estimator, with words that refer to its own site."""
autodoc_member_order = "bysource"
autodoc_typehints = "none"
"""Signatures of a dozen typed arguments are unreadable; what each takes its docstring says."""
maximum_signature_line_length = 100
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False
napoleon_use_ivar = True

TUTORIALS = [
    "own_events",
    "own_text",
    "own_images",
    "own_space",
    "own_metric",
    "optuna_workers",
    "nnictl",
    "second_machine",
    "service",
]
"""In the order in which they are read: first the data, then networks and metrics, then where they are trained."""


def place_of(tutorial: str) -> int:
    """Its place among the others, by which sphinx-gallery sorts them."""
    return TUTORIALS.index(Path(tutorial).stem)


sphinx_gallery_conf = {
    "examples_dirs": "../examples/tutorials",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"\.py$",
    "within_subsection_order": place_of,
    "image_scrapers": (ExamplePictures(),),
    "reset_modules": (),
    "reset_modules_order": "after",
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": "'int'",  # the length of a file that was written, and exit codes
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1_000,
    "write_computation_times": False,
    "remove_config_comments": True,
}
suppress_warnings = ["config.cache"]
"""Sphinx-gallery's settings hold what cannot be pickled, which costs a new environment and nothing else."""

html_theme = "furo"
html_title = f"nni-nasplus {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

warnings.filterwarnings("ignore", message=r".*is found to be not a nn\.Module", category=RuntimeWarning)
