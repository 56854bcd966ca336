"""`python -m training RECIPE --data FOLDER`: train, ship, measure."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

import torch

import training.recipes
from brightfield.models.loading.build import build
from brightfield.plugins import discover
from training.loop import train
from training.publish import write_quality, write_threshold, write_weights
from training.recipe import Recipe


def main(given: argparse.Namespace, recipes: dict[str, type[Recipe]]) -> None:
    recipe = recipes[given.recipe](given.data)
    if given.threads:
        torch.set_num_threads(given.threads)
    if not given.evaluate:
        network = train(
            recipe,
            seed=given.seed,
            folder=given.runs / recipe.id,
            steps=given.steps,
            shipped=given.last_round,
        )
        write_weights(network, recipe.folder)
    shipped = build(recipe.card)
    threshold = recipe.threshold(shipped)
    if threshold is not None:
        write_threshold(threshold, recipe.folder)
    measured = recipe.evaluate(shipped)
    write_quality(measured, recipe.folder)
    for quality in measured:
        print(f"{quality.data} {quality.split}  {quality.metric:<24} {quality.value:.4f}")


def catalog() -> dict[str, type[Recipe]]:
    """Every recipe by the id of its card."""
    found = discover(training.recipes, Recipe)  # type: ignore[type-abstract]
    return {recipe.id: recipe for recipe in found.values()}


def arguments(recipes: dict[str, type[Recipe]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n\n".join(
        f"{name}: {inspect.cleandoc(recipe.source)}" for name, recipe in sorted(recipes.items())
    )
    parser.add_argument("recipe", choices=sorted(recipes), help="the model to train")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="logs and checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="instead of the recipe's own number")
    parser.add_argument("--threads", type=int, help="CPU threads; left out: all cores")
    parser.add_argument(
        "--last-round", action="store_true", help="only the last round, from the shipped weights"
    )
    parser.add_argument(
        "--evaluate", action="store_true", help="only measure the shipped weights anew"
    )
    return parser.parse_args()


if __name__ == "__main__":
    known = catalog()
    main(arguments(known), known)
