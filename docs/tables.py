#!/usr/bin/env python3
"""tfn with its defaults beside gradient boosting and a Gaussian process on ten real data sets.

    python tables.py --data DIR --json out.json [--tfn PATH] [--splits 5] [--sets boston,iris] [--reuse peers.json]

DIR holds uci/NAME.csv.gz with uci/NAME.splits.txt.gz, and sklearn/NAME.csv.gz. Every figure is the mean and the
standard error over the splits. Needs numpy, pandas and scikit-learn. One thread: set OMP_NUM_THREADS for more.
"""
import os
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy is loaded

import argparse, gzip, json, platform, subprocess, sys, tempfile, time, warnings
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.preprocessing import StandardScaler

# Where `tfn evaluate --json` keeps each figure; a dot goes one level down ("test.rmse").
TFN_KEYS = {name: f"figures.{name}.value" for name in ("rmse", "accuracy", "log_likelihood", "coverage")}

# name: (folder, target, columns that must not be features, task)
SETS = {
    "boston": ("uci", "MEDV", [], "regression"),
    "concrete": ("uci", "compressive_strength", [], "regression"),
    "naval": ("uci", "gt_compressor_decay", ["gt_turbine_decay"], "regression"),
    "power": ("uci", "PE", [], "regression"),
    "protein": ("uci", "RMSD", [], "regression"),
    "yacht": ("uci", "residuary_resistance", [], "regression"),
    "diabetes": ("sklearn", "progression", [], "regression"),
    "digits": ("sklearn", "digit", [], "classification"),
    "breast_cancer": ("sklearn", "benign", [], "classification"),
    "iris": ("sklearn", "species", [], "classification"),
}
# At most this many splits for the large sets, whatever --splits says: a run on them takes minutes, and with so many
# test rows (957 to 4573) the figures hardly move from split to split.
SPLIT_CAP = {"protein": 2, "naval": 3, "power": 3}

GP_MAX_ROWS = 2000    # training rows; above this the exact Gaussian process is left out
Z90 = 1.6448536269514722  # a normal's central 90 % lies within this many standard deviations
METHODS = {"boosting": "gradient boosting", "gp": "Gaussian process", "tfn": "tfn"}
FIGURES = ("score", "log_likelihood", "coverage", "seconds")


# ---- data -----------------------------------------------------------------------------------------------------------

def load(data, name):
    """The table as text: cells are written to train.csv and test.csv exactly as they stand in the source."""
    folder, target, dropped, _ = SETS[name]
    table = pd.read_csv(data / folder / f"{name}.csv.gz", dtype=str, keep_default_na=False)
    table = table.drop(columns=dropped)
    if table.columns[-1] != target:
        sys.exit(f"{name}: the last column is {table.columns[-1]}, not {target}")
    return table


def test_rows(data, name, n, count):
    """The test rows of each split: the published ones for uci, a seeded 20 % for the sklearn sets."""
    if SETS[name][0] == "uci":
        with gzip.open(data / "uci" / f"{name}.splits.txt.gz", "rt") as lines:
            return [np.array(line.split(), dtype=int) for line in lines][:count]
    return [np.sort(np.random.RandomState(k).permutation(n)[: round(0.2 * n)]) for k in range(count)]


def matrices(train, test, target, task):
    """Numbers for scikit-learn: features as float64, classes as 0, 1, ... in sorted order."""
    x, x_test = (t.drop(columns=target).to_numpy().astype(float) for t in (train, test))
    y, y_test = (t[target].to_numpy() for t in (train, test))
    if task == "regression":
        return x, y.astype(float), x_test, y_test.astype(float)
    classes = np.unique(np.concatenate([y, y_test]).astype(str))
    return x, np.searchsorted(classes, y.astype(str)), x_test, np.searchsorted(classes, y_test.astype(str))


# ---- figures --------------------------------------------------------------------------------------------------------

def normal_log_density(y, mean, std):
    return float(np.mean(-0.5 * np.log(2 * np.pi * std**2) - 0.5 * ((y - mean) / std) ** 2))


def regression_figures(y, mean, std, low, high, seconds):
    return {"score": float(np.sqrt(np.mean((y - mean) ** 2))), "log_likelihood": normal_log_density(y, mean, std),
            "coverage": float(np.mean((y >= low) & (y <= high))), "seconds": seconds}


def class_figures(y, classes, p, seconds):
    if not np.isin(y, classes).all():
        raise ValueError("a class of the test rows has no training row")
    p_true = p[np.arange(len(y)), np.searchsorted(classes, y)]
    return {"score": float(np.mean(classes[p.argmax(axis=1)] == y)),
            "log_likelihood": float(np.mean(np.log(np.clip(p_true, 1e-15, 1)))), "coverage": None, "seconds": seconds}


# ---- peers ----------------------------------------------------------------------------------------------------------

def boosting(x, y, x_test, y_test, task, seed):
    """Defaults throughout. Seconds cover every fit: mean, held-out residuals and the two quantiles."""
    start = time.perf_counter()
    if task == "classification":
        model = HistGradientBoostingClassifier(random_state=seed).fit(x, y)
        seconds = time.perf_counter() - start
        return class_figures(y_test, model.classes_, model.predict_proba(x_test), seconds)

    order = np.random.RandomState(seed).permutation(len(y))
    held, kept = np.split(order, [round(0.2 * len(y))])
    part = HistGradientBoostingRegressor(random_state=seed).fit(x[kept], y[kept])
    std = np.std(y[held] - part.predict(x[held]))
    model = HistGradientBoostingRegressor(random_state=seed).fit(x, y)
    bounds = [HistGradientBoostingRegressor(loss="quantile", quantile=q, random_state=seed).fit(x, y)
              for q in (0.05, 0.95)]
    seconds = time.perf_counter() - start
    low, high = (b.predict(x_test) for b in bounds)
    return regression_figures(y_test, model.predict(x_test), std, low, high, seconds)


def gaussian_process(x, y, x_test, y_test, task, restarts):
    """RBF kernel on standardised features; one length scale per feature for regression, one in all for classes."""
    if len(y) > GP_MAX_ROWS:
        return None
    start = time.perf_counter()
    scaler = StandardScaler().fit(x)
    x, x_test = scaler.transform(x), scaler.transform(x_test)
    if task == "classification":
        # The search starts at sqrt(d), like typical distances; at 1 the kernel of 64 features is all but diagonal.
        kernel = ConstantKernel() * RBF(np.sqrt(x.shape[1]))
        model = GaussianProcessClassifier(kernel, random_state=0).fit(x, y)
        seconds = time.perf_counter() - start
        return class_figures(y_test, model.classes_, model.predict_proba(x_test), seconds)

    kernel = ConstantKernel() * RBF(np.ones(x.shape[1])) + WhiteKernel()
    model = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=restarts, random_state=0)
    model.fit(x, y)
    seconds = time.perf_counter() - start
    mean, std = model.predict(x_test, return_std=True)  # WhiteKernel puts the noise into std
    return regression_figures(y_test, mean, std, mean - Z90 * std, mean + Z90 * std, seconds)


# ---- tfn ------------------------------------------------------------------------------------------------------------

def call(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def tfn(binary, folder, target, task, seed):
    """Defaults throughout. Seconds are those of `tfn train`, start of the process included."""
    model = folder / "model.tfn"
    start = time.perf_counter()
    call(binary, "train", folder / "train.csv", "--target", target, "-o", model, "--seed", seed)
    seconds = time.perf_counter() - start
    report = json.loads(call(binary, "evaluate", model, folder / "test.csv", "--json"))

    def figure(name):
        value = report
        for key in TFN_KEYS[name].split("."):
            if not isinstance(value, dict) or key not in value:
                raise RuntimeError(f"tfn evaluate --json has no {TFN_KEYS[name]!r}: see TFN_KEYS")
            value = value[key]
        return value

    return {"score": figure("rmse" if task == "regression" else "accuracy"),
            "log_likelihood": figure("log_likelihood"), "coverage": figure("coverage"), "seconds": seconds}


# ---- table ----------------------------------------------------------------------------------------------------------

def summary(runs):
    """Mean and standard error over the splits; None where a figure does not exist or a split is missing it."""
    out = {"splits": len(runs)}
    for name in FIGURES:
        values = [r["figures"][name] if r["figures"] else None for r in runs]
        if any(v is None for v in values):
            out[name] = None
        else:
            error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
            out[name] = {"mean": float(np.mean(values)), "error": error}
    return out


def cell(value, digits):
    if value is None:
        return "-"
    error = "" if value["error"] is None else f" ± {value['error']:.{digits}f}"
    return f"{value['mean']:.{digits}f}{error}"


def table(sets):
    lines = ["| set | rows x columns | method | RMSE or accuracy | log-likelihood | 90 % coverage | seconds |",
             "|---|---|---|---|---|---|---|"]
    for name, s in sets.items():
        for method, v in s["summary"].items():
            digits = 5 if name == "naval" else 3  # naval's target has a standard deviation of 0.015
            lines.append(f"| {name} | {s['rows']} x {s['columns']} | {METHODS[method]} | {cell(v['score'], digits)} | "
                         f"{cell(v['log_likelihood'], 3)} | {cell(v['coverage'], 3)} | {cell(v['seconds'], 1)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with uci/ and sklearn/")
    parser.add_argument("--json", type=Path, required=True, help="file for all figures; rewritten after every set")
    parser.add_argument("--tfn", type=Path, help="the tfn binary; without it only the peers run")
    parser.add_argument("--splits", type=int, default=5, help="splits per set (large sets: see SPLIT_CAP)")
    parser.add_argument("--sets", default=",".join(SETS), help="names, with commas between them")
    parser.add_argument("--gp-restarts", type=int, default=0,
                        help="further starts of the Gaussian process regression's search (classification: none, as "
                             "digits takes over 4 minutes a split without any)")
    parser.add_argument("--reuse", type=Path, help="an earlier --json file: the peers' runs in it are not run again")
    args = parser.parse_args()
    names = args.sets.split(",")
    if unknown := [n for n in names if n not in SETS]:
        parser.error(f"no set {', '.join(unknown)}; there are {', '.join(SETS)}")
    if args.splits < 1:
        parser.error("--splits must be at least 1")
    warnings.filterwarnings("ignore", category=ConvergenceWarning)  # hyperparameters at a bound

    earlier = {}
    if args.reuse:
        old = json.loads(args.reuse.read_text())
        for name, s in old["sets"].items():
            for r in s["runs"]:
                other_gp = (r["method"] == "gp" and s["task"] == "regression"
                            and old["gp_restarts"] != args.gp_restarts)
                if r["method"] != "tfn" and "error" not in r and not other_gp:
                    earlier[name, r["method"], r["split"]] = r
    result = {"versions": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__,
                           "scikit-learn": sklearn.__version__}, "gp_restarts": args.gp_restarts, "sets": {}}
    failed = False
    for name in names:
        data, (_, target, _, task) = load(args.data, name), SETS[name]
        runs = []
        count = min(args.splits, SPLIT_CAP.get(name, args.splits))
        for k, rows in enumerate(test_rows(args.data, name, len(data), count)):
            test, train = data.iloc[rows], data.drop(index=rows)
            numbers = matrices(train, test, target, task)
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                train.to_csv(folder / "train.csv", index=False)
                test.to_csv(folder / "test.csv", index=False)
                methods = {"boosting": lambda: boosting(*numbers, task, k),
                           "gp": lambda: gaussian_process(*numbers, task, args.gp_restarts)}
                if args.tfn:
                    methods["tfn"] = lambda: tfn(args.tfn.absolute(), folder, target, task, k)
                for method, run in methods.items():
                    entry = earlier.get((name, method, k))
                    if entry is None:
                        entry = {"method": method, "split": k, "figures": None}
                        try:
                            entry["figures"] = run()
                        except (RuntimeError, ValueError, OSError) as error:
                            failed, entry["error"] = True, str(error)
                            print(f"{name}, split {k}, {method}: {error}", file=sys.stderr)
                    runs.append(entry)
                    print(f"{name} {k} {method} {json.dumps(entry['figures'])}", file=sys.stderr, flush=True)
        result["sets"][name] = {
            "rows": len(data), "columns": data.shape[1] - 1, "task": task, "runs": runs,
            "summary": {m: summary([r for r in runs if r["method"] == m]) for m in methods}}
        args.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result["sets"]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
