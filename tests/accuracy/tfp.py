"""TFP's own results at the points of reference.py: one `<family>.tfp.csv` each, of the same rows.

    python -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0 tensorflow-probability==0.25.0 tf_keras==2.21.0
    TF_USE_LEGACY_KERAS=1 venv/bin/python tests/accuracy/tfp.py

Offline, after reference.py. A quantity that TFP does not have for a family has no column.
"""

import csv
import glob
import os
import sys

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

HERE = os.path.dirname(os.path.abspath(__file__))
tfd = tfp.distributions
METHODS = {
    "log_prob": "log_prob",
    "cdf": "cdf",
    "log_cdf": "log_cdf",
    "survival": "survival_function",
    "log_survival": "log_survival_function",
}


def read(name):
    with open(os.path.join(HERE, f"{name}.csv")) as file:
        file.readline()
        rows = list(csv.DictReader(file))
    return {column: [[float(x) for x in row[column].split()] for row in rows] for column in rows[0]}


def tensor(cells):
    """One entry a row, or one vector a row; NaN where there is none."""
    width = max(len(cell) for cell in cells)
    rows = [cell if cell else [float("nan")] * width for cell in cells]
    array = np.array(rows, dtype=np.float64)
    return tf.constant(array[:, 0] if width == 1 else array)


def build(name, parameters):
    if name == "MultivariateNormalTriL":
        parameters["scale_tril"] = tf.reshape(parameters["scale_tril"], [-1, 3, 3])
    return getattr(tfd, name)(**parameters)


def evaluate(name):
    columns = read(name)
    names = [column for column in columns if f"d_{column}" in columns and column != "value"]
    parameters = {}
    for column in columns:
        if column == "value":
            break
        parameters[column] = tensor(columns[column])
    value = tensor(columns["value"])
    results = {}

    def attempt(quantity, compute):
        try:
            results[quantity] = np.asarray(compute())
        except (NotImplementedError, AttributeError, TypeError, ValueError, tf.errors.OpError) as error:
            print(f"  {name}.{quantity}: {type(error).__name__}")

    for quantity, method in METHODS.items():
        if quantity in columns:
            attempt(quantity, lambda: getattr(build(name, dict(parameters)), method)(value))
    if "quantile" in columns:
        attempt("quantile", lambda: build(name, dict(parameters)).quantile(tensor(columns["p"])))
    inputs = {**parameters, "value": value}
    for of, method in METHODS.items():
        slopes = [(x, f"d_{x}" if of == "log_prob" else f"d_{of}/{x}") for x in inputs]
        if not any(slope in columns for _, slope in slopes):
            continue
        try:
            gradients = slopes_of(name, method, inputs)
        except (NotImplementedError, AttributeError, TypeError, ValueError, LookupError, tf.errors.OpError) as error:
            print(f"  slopes of {name}.{of}: {type(error).__name__}")
            continue
        for x, slope in slopes:
            if slope in columns and gradients[x] is not None:
                results[slope] = np.asarray(gradients[x])
    write(name, columns, results)


def slopes_of(name, method, inputs):
    with tf.GradientTape() as tape:
        for x in inputs.values():
            tape.watch(x)
        of = build(name, {k: v for k, v in inputs.items() if k != "value"})
        total = tf.reduce_sum(getattr(of, method)(inputs["value"]))
    return tape.gradient(total, inputs)


def write(name, columns, results):
    quantities = [column for column in columns if column in results]
    with open(os.path.join(HERE, f"{name}.tfp.csv"), "w", newline="") as file:
        file.write("# tfp.py, TensorFlow Probability 0.25.0 on TensorFlow 2.21.0\n")
        out = csv.writer(file, lineterminator="\n")
        out.writerow(quantities)
        for i, _ in enumerate(columns["value"]):
            cells = ([] if not columns[q][i] else np.ravel(results[q][i]) for q in quantities)
            out.writerow([" ".join(repr(float(x)) for x in cell) for cell in cells])


if __name__ == "__main__":
    for path in sorted(glob.glob(os.path.join(HERE, "*.csv"))):
        family = os.path.basename(path)[:-4]
        if not family.endswith(".tfp") and (len(sys.argv) == 1 or family in sys.argv[1:]):
            print(family, flush=True)
            evaluate(family)
