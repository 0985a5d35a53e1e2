//! Made-up records of both tasks, as they could come of training.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod well_formed;

use tfn_tabular::data::ColumnType;
use tfn_tabular::report::{Report, Tested};
use tfn_tabular::tensor::Key;
use tfn_tabular::{
    Baseline, Column, Curve, Effects, Figure, Importance, Judged, JudgedClasses, JudgedNumbers,
    PartialDependence, Record, Setup, Task,
};

/// Numbers that look random, always the same.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1.
    pub(crate) fn even(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normal, by the sum of twelve.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.even()).sum::<f64>() - 6.0
    }
}

/// Distribution function of the normal, by a logistic one.
fn normal_cdf(z: f64) -> f64 {
    1.0 / (1.0 + (-1.5976 * z - 0.070_56 * z.powi(3)).exp())
}

/// House prices; the spread that is told is `sure` times the true one.
pub(crate) fn numbers(rows: usize, sure: f64, seed: u64) -> JudgedNumbers {
    let mut random = Numbers::new(seed);
    let mut all = JudgedNumbers::default();
    for row in 0..rows {
        let mean = 12.0 + 30.0 * random.even().powi(2);
        let true_spread = 1.0 + 0.08 * mean;
        let target = mean + true_spread * random.normal();
        let stddev = sure * true_spread * (0.85 + 0.3 * random.even());
        let z = (target - mean) / stddev;
        all.row.push(3 * row + 1);
        all.target.push(target);
        all.mean.push(mean);
        all.lower.push(mean - 1.645 * stddev);
        all.upper.push(mean + 1.645 * stddev);
        all.stddev.push(stddev);
        all.epistemic_share.push(random.even());
        all.log_prob.push(-0.919 - stddev.ln() - 0.5 * z * z);
        all.pit.push(normal_cdf(z));
        all.crps.push(0.6 * (target - mean).abs());
    }
    all
}

/// Classes by name, with confusions between neighbours.
pub(crate) fn classes(rows: usize, names: &[String], seed: u64) -> JudgedClasses {
    let mut random = Numbers::new(seed);
    let mut all = JudgedClasses { classes: names.to_vec(), ..Default::default() };
    for row in 0..rows {
        let predicted = (random.even() * names.len() as f64) as usize;
        let least = 1.0 / names.len() as f64;
        let probability = least + (1.0 - least) * random.even().powf(0.35);
        let is_right = random.even() < probability.powf(1.2);
        let label = if is_right { predicted } else { (predicted + 1) % names.len() };
        let other = 1.0 - probability;
        let label_probability = if is_right { probability } else { 0.8 * other };
        all.row.push(row);
        all.label.push(label);
        all.predicted.push(predicted);
        all.probability.push(probability);
        all.label_probability.push(label_probability);
        all.brier.push((1.0 - label_probability).powi(2) + 0.5 * other.powi(2));
        all.set_size.push(1 + usize::from(probability < 0.8));
        all.is_in_set.push(random.even() < 0.9);
        all.entropy.push(-probability * probability.ln() - other * (other + 1e-9).ln());
        all.epistemic_share.push(random.even());
    }
    all
}

fn curve(name: &str, seed: u64) -> Curve {
    let mut random = Numbers::new(seed);
    let mut curve = Curve { name: name.to_owned(), ..Default::default() };
    for epoch in 1..=200u32 {
        let part = f64::from(epoch) / 200.0;
        curve.epoch.push(u64::from(5 * epoch));
        curve.nll.push(2.1 + 8.0 * (-40.0 * part).exp() + 0.3 * part + 0.02 * random.normal());
        curve.kl.push(60.0 + 900.0 * (-3.5 * part).exp() + 2.0 * random.normal());
    }
    curve
}

fn column(name: &str, column_type: ColumnType, missing: usize, features: usize) -> Column {
    Column { name: name.to_owned(), column_type, missing, features }
}

pub(crate) fn figures(judged: &Judged) -> Vec<Figure> {
    judged.figures(&Key::from_seed(1)).unwrap()
}

fn baseline(name: &str, score: f64, log_likelihood: f64) -> Baseline {
    Baseline { name: name.to_owned(), score, log_likelihood }
}

/// A record whose figures are those of the rows.
pub(crate) fn record(target: &str, held_out: Judged) -> Record {
    let task = match held_out {
        Judged::Numbers(_) => Task::Regression,
        Judged::Classes(_) => Task::Classification,
    };
    let scores = match task {
        Task::Regression => [9.2, 4.9, 3.1],
        Task::Classification => [0.39, 0.74, 0.81],
    };
    Record {
        target: target.to_owned(),
        task,
        task_reason: "it has 229 different numbers".to_owned(),
        rows: 1520,
        rows_without_target: 3,
        columns: vec![
            column("crime rate per head", ColumnType::Number, 0, 1),
            column("rooms", ColumnType::Number, 12, 2),
            column("district", ColumnType::Category, 4, 7),
            column("by the river", ColumnType::Boolean, 0, 1),
            column("sold on", ColumnType::Date, 0, 3),
            column("remarks of the agent", ColumnType::Category, 480, 0),
        ],
        remarks: vec![
            "`remarks of the agent` is left out: 1507 different texts in 1520 rows".to_owned(),
            "12 missing cells of `rooms` are filled with the mean".to_owned(),
        ],
        seed: 7,
        setup: Setup::for_rows(1520),
        folds: 5,
        model_rows: 400,
        curves: std::iter::once(curve("model", 1))
            .chain((1..=5).map(|fold| curve(&format!("fold {fold}"), 10 + fold)))
            .collect(),
        level: 0.9,
        figures: figures(&held_out),
        baselines: vec![
            baseline("mean", scores[0], -3.6),
            baseline("linear", scores[1], -3.0),
            baseline("plain net", scores[2], -2.7),
        ],
        held_out,
        seconds: 75.3,
    }
}

fn importance(column: &str, increase: f64) -> Importance {
    Importance { column: column.to_owned(), increase, stddev: 0.07 * increase.abs() + 0.002 }
}

/// How predictions move with a number.
pub(crate) fn by_number(column: &str, class: Option<&str>, scale: f64) -> PartialDependence {
    let numbers: Vec<f64> = (0..20).map(|i| 3.0 + 0.3 * f64::from(i)).collect();
    let mean: Vec<f64> = numbers.iter().map(|x| scale * (0.3 + 0.08 * (x - 5.0).abs())).collect();
    PartialDependence {
        column: column.to_owned(),
        class: class.map(str::to_owned),
        at: numbers.iter().map(|x| format!("{x:.1}")).collect(),
        low: mean.iter().enumerate().map(|(i, y)| y - 0.004 * scale * (i as f64 + 2.0)).collect(),
        high: mean.iter().enumerate().map(|(i, y)| y + 0.004 * scale * (i as f64 + 2.0)).collect(),
        mean,
        number: Some(numbers),
    }
}

/// How predictions move with a category.
pub(crate) fn by_level(
    column: &str,
    class: Option<&str>,
    scale: f64,
    levels: &[&str],
) -> PartialDependence {
    let mean: Vec<f64> = (0..levels.len()).map(|i| scale * (0.35 + 0.05 * i as f64)).collect();
    PartialDependence {
        column: column.to_owned(),
        class: class.map(str::to_owned),
        at: levels.iter().map(|&level| level.to_owned()).collect(),
        number: None,
        low: mean.iter().map(|y| y - 0.06 * scale).collect(),
        high: mean.iter().map(|y| y + 0.06 * scale).collect(),
        mean,
    }
}

pub(crate) fn effects(classes: &[&str]) -> Effects {
    let districts = ["Altstadt", "Neustadt", "Sankt Pauli am Wasser", "Westend", "Hafen", "other"];
    let partial = if classes.is_empty() {
        vec![
            by_number("rooms", None, 60.0),
            by_number("crime rate per head", None, 55.0),
            by_level("district", None, 60.0, &districts),
            by_level("by the river", None, 60.0, &["false", "true"]),
        ]
    } else {
        let classes = classes.iter().map(|class| (by_number("rooms", Some(class), 1.0), *class));
        let both = |(rooms, class)| [rooms, by_level("district", Some(class), 1.0, &districts)];
        classes.flat_map(both).collect()
    };
    let importance = vec![
        importance("rooms", 0.612),
        importance("crime rate per head", 0.23),
        importance("district", 0.081),
        importance("sold on", 0.004),
        importance("by the river", -0.001),
    ];
    Effects { importance, partial }
}

/// For each of so many rows, the columns outside the range.
pub(crate) fn out_of_range(rows: usize) -> Vec<Vec<String>> {
    let of = |row: usize| match row % 11 {
        3 => vec!["rooms".to_owned(), "district".to_owned()],
        7 => vec!["crime rate per head".to_owned()],
        _ => Vec::new(),
    };
    (0..rows).map(of).collect()
}

pub(crate) fn species() -> Vec<String> {
    ["adelie", "chinstrap", "gentoo", "a penguin with a rather long name"]
        .map(str::to_owned)
        .to_vec()
}

/// A page about numbers, with everything on it.
pub(crate) fn page_of_numbers() -> String {
    let record = record("price", Judged::Numbers(numbers(1500, 1.0, 3)));
    let (judged, effects) = (Judged::Numbers(numbers(400, 0.7, 5)), effects(&[]));
    let (figures, out_of_range) = (figures(&judged), out_of_range(1250));
    let tested = Tested {
        name: "prices-2024.csv".to_owned(),
        rows: 1250,
        level: 0.9,
        judged: &judged,
        figures: &figures,
        out_of_range: &out_of_range,
    };
    Report::new(&record).tested(tested).effects(&effects).html().unwrap()
}

/// A page about classes, without a test.
pub(crate) fn page_of_classes() -> String {
    let record = record("species", Judged::Classes(classes(900, &species(), 4)));
    let effects = effects(&["adelie", "gentoo"]);
    Report::new(&record).effects(&effects).html().unwrap()
}

/// A page with names of all lengths, and many classes.
pub(crate) fn page_of_long_names() -> String {
    let long =
        "a_column_name_without_any_space_that_goes_on_and_on_as_those_of_machines_do_123456789";
    let names: Vec<String> = (0..20).map(|class| format!("{long}_{class}")).collect();
    let mut record = record(long, Judged::Classes(classes(1200, &names, 4)));
    for column in &mut record.columns {
        column.name = format!("{long} {}", column.name);
    }
    record.remarks.push(long.repeat(4));
    let levels: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut effects = effects(&[]);
    effects.importance[0].column = long.to_owned();
    effects.partial =
        vec![by_level(long, Some(long), 1e-5, &levels), by_number(long, Some(long), 1e7)];
    let (figures, out_of_range) = (record.figures.clone(), vec![vec![long.to_owned()]; 1200]);
    let tested = Tested {
        name: format!("{long}.csv"),
        rows: 1200,
        level: 0.9,
        judged: &record.held_out,
        figures: &figures,
        out_of_range: &out_of_range,
    };
    Report::new(&record).tested(tested).effects(&effects).html().unwrap()
}
