"""Search a toy space of layers for the most attention with the fewest heads."""

import optuna
from sampler import NasSampler, SearchSpace, suggest

space = SearchSpace(
    {f"op{i}": ["conv", "attention"] for i in range(6)} | {f"heads{i}": [1, 2, 4] for i in range(6)},
    {f"heads{i}": {f"op{i}": ["attention"]} for i in range(6)},
)


def objective(trial: optuna.Trial) -> float:
    architecture = suggest(trial, space)
    return sum(value == "attention" for value in architecture.values()) - 0.1 * sum(
        value for value in architecture.values() if isinstance(value, int)
    )


if __name__ == "__main__":
    study = optuna.create_study(direction="maximize", sampler=NasSampler(space))
    study.optimize(objective, n_trials=40)
    print(study.best_value, study.best_params)  # noqa: T201
