//! What was published of other methods on the same sets.
//!
//! VI (Graves 2011) and PBP: Hernández-Lobato and Adams, *Probabilistic backpropagation for scalable learning of Bayesian neural
//! networks*, ICML 2015, tables 1 and 2, 40 epochs. MC dropout: Gal and Ghahramani, *Dropout as a Bayesian approximation*, ICML 2016, in the
//! authors' runs with ten times the epochs (github.com/yaringal/DropoutUncertaintyExps). UB VI: `tfp.layers.DenseLocalReparameterization` in
//! github.com/google/uncertainty-baselines, baselines/uci, on splits of its own.

/// One method's means over splits.
pub(crate) struct Published {
    pub(crate) method: &'static str,
    pub(crate) rmse: Option<f64>,
    pub(crate) log_likelihood: Option<f64>,
}

const METHODS: [&str; 4] = ["VI (Graves)", "PBP", "MC dropout, 10x", "UB VI"];

/// RMSE of VI, PBP and MC dropout; log-likelihood of VI, PBP, MC dropout and UB VI.
const ALL: [(&str, [f64; 3], [f64; 4]); 9] = [
    ("boston", [4.320, 3.014, 2.83], [-2.903, -2.574, -2.40, -3.12]),
    ("concrete", [7.128, 5.667, 4.93], [-3.391, -3.161, -2.97, -3.22]),
    ("energy", [2.646, 1.804, 1.08], [-2.391, -2.042, -1.72, -0.93]),
    ("kin8nm", [0.099, 0.098, 0.09], [0.897, 0.896, 0.97, 1.03]),
    ("naval", [0.005, 0.006, 0.00], [3.734, 3.731, 3.91, 6.12]),
    ("power", [4.327, 4.124, 4.00], [-2.890, -2.837, -2.79, -2.85]),
    ("protein", [4.842, 4.732, 4.27], [-2.992, -2.973, -2.87, -2.93]),
    ("wine-red", [0.646, 0.635, 0.61], [-0.980, -0.968, -0.92, -1.00]),
    ("yacht", [6.887, 1.015, 0.70], [-3.439, -1.634, -1.38, -2.01]),
];

pub(crate) fn of(set: &str) -> Vec<Published> {
    let Some((_, rmse, log_likelihood)) = ALL.iter().find(|(name, ..)| *name == set) else {
        return Vec::new();
    };
    let method = |(i, method)| Published {
        method,
        rmse: rmse.get(i).copied(),
        log_likelihood: log_likelihood.get(i).copied(),
    };
    METHODS.into_iter().enumerate().map(method).collect()
}
