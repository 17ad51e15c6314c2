"""Runs that version 0.1.0 wrote (format 1), told in today's words.

There a run had the options of the command line or an estimator's name, and a model a word of its
own (`Kind.formerly`).
"""

from __future__ import annotations

from typing import Any

from serialeq.runs.manifest import Manifest

from .registry import Kind, imported, kinds


def recorded_run(manifest: Manifest) -> dict[str, Any]:
    """Return what a manifest says was trained, as format 2 has it."""
    run = manifest.run
    kind = _kind_of(run["problem"], manifest.about.get("kind")) if manifest.format == 1 else None
    if kind is None:
        return run
    command = imported(kind.command).declarations()
    reading = {name: value for name, value in run["parameters"].items() if name in command}
    return run | {
        "problem": kind.word,
        **_estimator(kind, manifest),
        "data": run["data"] | {"reading": reading},
    }


def recorded_about(manifest: Manifest) -> dict[str, Any]:
    """Return the description of a complete run's model, as format 2 has it."""
    about = manifest.about
    kind = _kind_of("", about.get("kind")) if manifest.format == 1 else None
    if kind is None:
        return about
    described = {"promise": manifest.run["promise"]}
    return about | described | {"kind": kind.word} | _estimator(kind, manifest)


def _kind_of(problem: str, model: Any) -> Kind | None:
    """Return the kind of a run (by command or estimator) and of its model, which tells better."""
    named = [kind for kind in kinds().values() if model in (kind.word, kind.formerly)]
    named += [kind for kind in kinds().values() if problem == kind.word]
    named += [k for k in kinds().values() if any(p.endswith(f":{problem}") for p in k.estimators)]
    return next(iter(named), None)


def _estimator(kind: Kind, manifest: Manifest) -> dict[str, Any]:
    """Return the name and the parameters of the estimator of a run."""
    run, about = manifest.run, manifest.about
    asked = run["parameters"].get("regression") or run["problem"].endswith("Regressor")
    place = kind.estimators[-1 if asked or about.get("task") == "regression" else 0]
    declared = imported(place).declarations()
    if "parameters" in about:
        given = about["parameters"] | {"order": about["order"]}
    else:  # not complete: the options of the command line
        names = {d.option: name for name, d in declared.items()}
        given = {names.get(key, key): value for key, value in run["parameters"].items()}
        given |= {"order": run["order"]}
    given |= {"random_state": run["seed"]}
    made = {name for name, d in declared.items() if d.parameter.makes_model}
    return {
        "estimator": place.partition(":")[2],
        "parameters": {name: value for name, value in given.items() if name in made},
    }
