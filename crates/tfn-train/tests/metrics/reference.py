"""Values of the metrics of classes by other libraries, for src/metrics/tests.rs, which makes the same rows.

    python -m venv venv && venv/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 uncertainty-calibration==0.1.4
    venv/bin/python crates/tfn-train/tests/metrics/reference.py

Offline; prints Rust. What no library has (the maximum calibration error, the risk-coverage curve with ties) is written down
here from its definition, in fractions.
"""

from fractions import Fraction
from itertools import groupby

import calibration
import numpy as np
import sklearn
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score, roc_curve, top_k_accuracy_score

ROWS, CLASSES = 60, 4


def weights(row):
    """No two of a row are equal; the last rows repeat the first, so that confidences tie."""
    row %= 47
    return [1 + k + CLASSES * ((row * row * 7 + row * (3 * k + 5) + 11 * k * k) % 23) for k in range(CLASSES)]


def label(row):
    """The class of the largest weight in one row of five, in the others any: bins above and below their confidence."""
    w = weights(row)
    return w.index(max(w)) if row % 5 == 0 else (row * 5 + 1) % 7 % CLASSES


def uncertainty(row):
    """Whole numbers with many ties, higher where the label is another class."""
    w = weights(row)
    return (row * 13 + row * row) % 11 + (0 if w.index(max(w)) == label(row) else 4)


PROBS = np.array([[w / sum(weights(row)) for w in weights(row)] for row in range(ROWS)])
LABELS = np.array([label(row) for row in range(ROWS)])
UNCERTAINTY = np.array([uncertainty(row) for row in range(ROWS)], dtype=float)
WRONG = np.argmax(PROBS, axis=1) != LABELS


def distinct(p, at=12):
    """So that no rule about ties can decide."""
    return len({round(float(x), at) for x in p}) == len(p)


def mce(bins):
    """Guo et al. (2017), equation 5, bins (b/B, (b + 1)/B], exactly."""
    held = {}
    for row in range(ROWS):
        w = weights(row)
        confidence = Fraction(max(w), sum(w))
        held.setdefault(-(-confidence * bins // 1), []).append((confidence, 1 - int(WRONG[row])))
    return max(abs(sum(c for c, _ in rows) - sum(r for _, r in rows)) / len(rows) for rows in held.values())


def brier():
    rows = range(ROWS)
    p = [[Fraction(w, sum(weights(row))) for w in weights(row)] for row in rows]
    return sum((p[row][k] - (label(row) == k)) ** 2 for row in rows for k in range(CLASSES)) / ROWS


def aurc(scores, losses):
    """Mean over k of the mean loss of the k most certain, ties by their mean."""
    taken, total, area = 0, Fraction(0), Fraction(0)
    pairs = sorted(zip(scores, losses))
    for _, ties in groupby(pairs, key=lambda pair: pair[0]):
        ties = [Fraction(loss) for _, loss in ties]
        for _ in ties:
            taken, total = taken + 1, total + sum(ties) / len(ties)
            area += total / taken
    return area / len(pairs)


def fpr_at_tpr(truth, scores, tpr):
    fpr, reached, _ = roc_curve(truth, scores, drop_intermediate=False)
    return fpr[np.argmax(reached >= tpr)]


def main():
    print(f"// numpy {np.__version__}, scikit-learn {sklearn.__version__}, uncertainty-calibration 0.1.4")
    assert all(distinct(row) for row in PROBS), "ties between the classes of a row"
    values = {"accuracy": float(np.mean(~WRONG)), "nll": log_loss(LABELS, PROBS, labels=range(CLASSES))}
    values["brier"] = float(brier())
    for k in range(1, CLASSES + 1):
        values[f"top {k}"] = top_k_accuracy_score(LABELS, PROBS, k=k, labels=range(CLASSES)) if k < CLASSES else 1.0
    for bins in (5, 15):
        top = dict(num_bins=bins)
        values[f"ece, {bins} of equal width"] = calibration.get_ece(PROBS, LABELS, **top)
        values[f"ece, {bins} of equal mass"] = calibration.get_ece_em(PROBS, LABELS, **top)
        values[f"classwise, {bins} of equal width"] = calibration.get_ece(PROBS, LABELS, mode="marginal", **top)
        values[f"classwise, {bins} of equal mass"] = calibration.get_ece_em(PROBS, LABELS, mode="marginal", **top)
        values[f"mce, {bins}"] = float(mce(bins))
        utils = calibration.utils
        data = list(zip(PROBS.max(axis=1), (~WRONG).astype(float)))
        for name, edges in [("width", utils.get_equal_prob_bins), ("mass", utils.get_equal_bins)]:
            binned = utils.bin(data, edges([p for p, _ in data], num_bins=bins))
            values[f"debiased, {bins} of equal {name}"] = utils.unbiased_square_ce(binned)
    values["auroc"] = roc_auc_score(WRONG, UNCERTAINTY)
    values["average precision"] = average_precision_score(WRONG, UNCERTAINTY)
    values["average precision of the others"] = average_precision_score(~WRONG, -UNCERTAINTY)
    for tpr in (0.5, 0.8, 0.95):
        values[f"fpr at {tpr}"] = fpr_at_tpr(WRONG, UNCERTAINTY, tpr)
    area = aurc(UNCERTAINTY.tolist(), WRONG.astype(int).tolist())
    best = aurc(WRONG.astype(int).tolist(), WRONG.astype(int).tolist())
    values["aurc"], values["excess aurc"] = float(area), float(area - best)
    # Without ties it is 1 less the area of accuracy against coverage that Kumar's library has.
    confidence = PROBS.max(axis=1) + np.arange(ROWS) * 1e-9
    assert distinct(confidence)
    values["aurc of the confidence, by rows"] = 1.0 - calibration.utils.get_selective_stats(confidence, ~WRONG)[0]
    assert abs(values["aurc of the confidence, by rows"] - float(aurc((-confidence).tolist(), WRONG.astype(int).tolist()))) < 1e-12
    sample = np.array([((i * 37) % 101) / 8 for i in range(40)])
    for level in (0.5, 0.9, 0.95):
        low, high = np.quantile(sample, [(1 - level) / 2, (1 + level) / 2])
        values[f"quantile below {level}"], values[f"quantile above {level}"] = low, high
    for name, value in values.items():
        print(f'("{name}", {float(value)!r}),')


main()
