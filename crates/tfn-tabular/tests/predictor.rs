//! Predictors of made-up tables whose truth is known.

#![allow(clippy::unwrap_used, clippy::panic)]

use tfn_tabular::data::{CsvOptions, Table};
use tfn_tabular::tensor::{DType, Key};
use tfn_tabular::{Asked, Judged, Predicted, Setup, TabularError, TabularPredictor, Task};

/// Short enough for a test.
fn setup(rows: usize) -> Setup {
    Setup { steps: 1500, max_epochs: 150, rate: 0.02, draws: 40, ..Setup::for_rows(rows) }
}

/// `y = 3 sin(2x) + (0.2 + 0.3 |x|) ε`, a column without meaning, and one of text that shifts `y`.
fn noisy(rows: usize, seed: u64) -> Table {
    let mut stream = Key::from_seed(seed).stream();
    let draws = stream.normal(&[rows, 3], DType::F64).to_vec::<f64>().unwrap();
    let mut text = String::from("x,chance,kind,y\n");
    for (row, draw) in draws.chunks_exact(3).enumerate() {
        let (kind, shift) = [("a", 0.0), ("b", 2.0), ("c", -2.0)][row % 3];
        let y = 3.0 * (2.0 * draw[0]).sin() + shift + (0.2 + 0.3 * draw[0].abs()) * draw[1];
        text.push_str(&format!("{},{},{kind},{y}\n", draw[0], draw[2]));
    }
    Table::from_reader(text.as_bytes(), &CsvOptions::default()).unwrap()
}

fn classes(rows: usize, seed: u64) -> Table {
    let mut stream = Key::from_seed(seed).stream();
    let draws = stream.normal(&[rows, 2], DType::F64).to_vec::<f64>().unwrap();
    let mut text = String::from("x,z,label\n");
    for (row, draw) in draws.chunks_exact(2).enumerate() {
        let (label, at) = [("cat", 0.0), ("dog", 2.5), ("eel", 5.0)][row % 3];
        text.push_str(&format!("{},{},{label}\n", draw[0] + at, draw[1] - at));
    }
    Table::from_reader(text.as_bytes(), &CsvOptions::default()).unwrap()
}

#[test]
fn a_regression_learns_its_noise_and_its_intervals_hold() {
    let predictor =
        TabularPredictor::builder("y").seed(1).setup(setup(400)).fit(&noisy(400, 1), ()).unwrap();
    let record = predictor.record();
    assert_eq!((record.task, record.folds), (Task::Regression, 5));
    assert_eq!(record.columns.iter().map(|c| c.features).collect::<Vec<_>>(), [1, 1, 3]);
    let (rmse, log_likelihood) =
        (record.figure("rmse").unwrap(), record.figure("log_likelihood").unwrap());
    for baseline in record.baselines.iter().filter(|baseline| baseline.name != "plain net") {
        assert!(rmse < baseline.score && log_likelihood > baseline.log_likelihood, "{baseline:?}");
    }

    let fresh = predictor.evaluate(&noisy(1000, 2), &Asked::default()).unwrap();
    let figures = fresh.figures().unwrap();
    let figure = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap().value;
    // The noise alone is 0.2 + 0.3 |x|: √E(0.2 + 0.3 |x|)² = 0.51.
    assert!((0.5..0.9).contains(&figure("rmse")), "{}", figure("rmse"));
    // 400 calibration rows and 1000 new ones leave ±0.09 at five standard errors.
    let coverage = figure("coverage");
    assert!((0.81..0.97).contains(&coverage), "{coverage}");
    // What it said of itself was right, by models that saw a fifth fewer rows.
    let ratio = record.figure("rmse").unwrap() / figure("rmse");
    assert!((0.8..1.6).contains(&ratio), "{ratio} {}", figure("rmse"));

    // Far from zero the noise is larger.
    let ask = |text: &str| {
        let table = Table::from_reader(text.as_bytes(), &CsvOptions::default()).unwrap();
        predictor.predict(&table, &Asked::default()).unwrap()
    };
    let answers = ask("kind,x,chance\na,0,0\nb,1.8,0\nd,9,0\n");
    let Predicted::Numbers(numbers) = &answers.predicted else { panic!("{answers:?}") };
    assert!(numbers.stddev[1] > numbers.stddev[0]);
    let epistemic = |row: usize| numbers.stddev[row] * numbers.epistemic_share[row].sqrt();
    assert!(epistemic(2) > 2.0 * epistemic(0));
    assert_eq!(answers.out_of_range, [vec![], vec![], vec!["x", "kind"]]);
    let remarks: Vec<String> = answers.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(remarks, ["`kind` has texts in 1 row that the table trained on did not have: `d`"]);

    let effects = predictor.effects(&noisy(300, 3)).unwrap();
    let order: Vec<&str> = effects.importance.iter().map(|i| i.column.as_str()).collect();
    assert_eq!(order[2], "chance");
    let kind = effects.partial.iter().find(|partial| partial.column == "kind").unwrap();
    let of = |level: &str| kind.mean[kind.at.iter().position(|at| at == level).unwrap()];
    assert!((of("b") - of("a") - 2.0).abs() < 0.5 && (of("a") - of("c") - 2.0).abs() < 0.5);
    assert!(kind.number.is_none() && kind.low.iter().zip(&kind.high).all(|(low, high)| low < high));
}

#[test]
fn classes_are_learned_and_sets_hold() {
    let predictor =
        TabularPredictor::builder("label").setup(setup(150)).fit(&classes(150, 1), ()).unwrap();
    assert_eq!(predictor.classes().unwrap(), ["cat", "dog", "eel"]);
    let fresh = predictor.evaluate(&classes(900, 2), &Asked::default()).unwrap();
    let figures = fresh.figures().unwrap();
    let figure = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap().value;
    // Bayes' rule errs where |N(0, ½)| > 1.25 between neighbours: 0.039 on one side, 0.077 in the middle, 0.051 in all.
    assert!(figure("accuracy") > 0.9, "{}", figure("accuracy"));
    assert!(figure("coverage") > 0.84, "{}", figure("coverage"));
    let Judged::Classes(rows) = &fresh.judged else { panic!() };
    assert!(rows.entropy.iter().all(|entropy| *entropy >= 0.0));
    let effects = predictor.effects(&classes(150, 3)).unwrap();
    let dog = effects.partial.iter().filter(|partial| partial.class.as_deref() == Some("dog"));
    assert_eq!(dog.count(), 2);
}

#[test]
fn the_same_seed_gives_the_same_answers_on_any_number_of_threads_and_from_a_file() {
    let (train, new) = (noisy(60, 1), noisy(20, 2));
    let fit = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let setup = Setup { max_epochs: 20, ..setup(60) };
        pool.install(|| TabularPredictor::builder("y").seed(seed).setup(setup).fit(&train, ()))
            .unwrap()
    };
    let predict = |predictor: &TabularPredictor| {
        predictor.predict(&new, &Asked::default()).unwrap().predicted
    };
    let one = fit(1, 7);
    let answers = predict(&one);
    assert_eq!(predict(&fit(3, 7)), answers);
    assert_ne!(predict(&fit(2, 8)), answers);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.tfn");
    one.save(&path).unwrap();
    let same = TabularPredictor::load(&path).unwrap();
    assert_eq!((predict(&same), same.record()), (answers, one.record()));
    // It is a model file too.
    tfn_tabular::train::load_model(&path, &tfn_tabular::train::describe::registry()).unwrap();
}

#[test]
fn a_run_that_is_taken_up_again_ends_with_the_same_answers() {
    let (train, folder) = (noisy(60, 1), tempfile::tempdir().unwrap());
    let setup = |max_epochs| Setup { max_epochs, ..setup(60) };
    let builder = |epochs| TabularPredictor::builder("y").setup(setup(epochs));
    let whole = builder(20).fit(&train, ()).unwrap();
    let kept = builder(20).checkpoints(folder.path());
    kept.fit(&train, ()).unwrap();
    // All runs are there; one of them is lost, and all others are gone on with.
    std::fs::remove_file(folder.path().join("model-2.safetensors")).unwrap();
    let again = kept.fit(&train, ()).unwrap();
    assert_eq!(again.record().figures, whole.record().figures);
    let answers = |p: &TabularPredictor| p.predict(&train, &Asked::default()).unwrap().predicted;
    assert_eq!(answers(&again), answers(&whole));
    // Files of another table are refused.
    assert!(kept.fit(&noisy(61, 1), ()).is_err());
}

#[test]
fn raw_and_conformal_intervals_and_levels() {
    let predictor = TabularPredictor::builder("y").setup(setup(60)).fit(&noisy(60, 1), ()).unwrap();
    let width = |level: f64, conformal: bool| {
        let asked = Asked { level, conformal, ..Asked::default() };
        let answers = predictor.predict(&noisy(5, 2), &asked).unwrap();
        let Predicted::Numbers(numbers) = answers.predicted else { panic!() };
        numbers.upper[0] - numbers.lower[0]
    };
    for conformal in [true, false] {
        assert!(width(0.5, conformal) < width(0.9, conformal));
    }
    assert_ne!(width(0.9, true), width(0.9, false));
    // 60 rows do not bound one row in a thousand.
    assert_eq!(width(0.999, true), f64::INFINITY);
    assert!(predictor.predict(&noisy(5, 2), &Asked { level: 1.0, ..Asked::default() }).is_err());
}

#[test]
fn tables_that_nothing_can_be_learned_from() {
    let error = |text: &str, target: &str| {
        let table = Table::from_reader(text.as_bytes(), &CsvOptions::default()).unwrap();
        TabularPredictor::builder(target).fit(&table, ()).unwrap_err()
    };
    let nine: String = (0..9).map(|i| format!("{i},{i}\n")).collect();
    assert!(matches!(
        error(&format!("x,y\n{nine}"), "y"),
        TabularError::Rows { given: 9, expected: 12, .. }
    ));
    let constant: String = (0..20).map(|i| format!("{i},7\n")).collect();
    let text = error(&format!("x,y\n{constant}"), "y").to_string();
    assert_eq!(text, "column `y` is `7` in all rows, expected a target that differs");
    let unknown = error(&format!("x,y\n{nine}"), "z").to_string();
    assert!(unknown.contains("has no column `z`"), "{unknown}");
    let useless: String = (0..20).map(|i| format!("1,{i}\n")).collect();
    let text = error(&format!("x,y\n{useless}"), "y").to_string();
    assert!(text.contains("none of 1 columns differs"), "{text}");
    let table = noisy(20, 1);
    let bad = Setup { draws: 0, ..setup(20) };
    let text = TabularPredictor::builder("y").setup(bad).fit(&table, ()).unwrap_err().to_string();
    assert_eq!(text, "argument `draws` is 0, expected at least one draw");
    let text = TabularPredictor::builder("y").ignore(&["w"]).fit(&table, ()).unwrap_err();
    assert!(text.to_string().contains("has no column `w`"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.tfn");
    assert!(TabularPredictor::load(&path).is_err());
    std::fs::write(&path, "no model").unwrap();
    assert!(TabularPredictor::load(&path).is_err());
}

#[test]
fn rows_without_a_target_and_gaps_are_no_hindrance() {
    let mut text = String::from("x,gap,y\n");
    for i in 0..60 {
        let y = if i % 6 == 0 { "NA".to_owned() } else { ((i % 9) * (i % 9)).to_string() };
        let gap = if i % 4 == 0 { "" } else { "3" };
        text.push_str(&format!("{},{gap},{y}\n", i % 9));
    }
    let table = Table::from_reader(text.as_bytes(), &CsvOptions::default()).unwrap();
    let predictor = TabularPredictor::builder("y").task(Task::Regression).setup(setup(50));
    let predictor = predictor.fit(&table, ()).unwrap();
    let record = predictor.record();
    assert_eq!((record.rows, record.rows_without_target, record.columns[1].missing), (50, 10, 10));
    // In the answers every row of a table has a place.
    assert_eq!(predictor.predict(&table, &Asked::default()).unwrap().predicted.len(), 60);
}

#[test]
fn where_a_linear_model_is_better_it_is_the_predictor() {
    let draws = Key::from_seed(4).stream().normal(&[40, 4], DType::F64).to_vec::<f64>().unwrap();
    let mut text = String::from("a,b,c,y\n");
    for row in draws.chunks_exact(4) {
        text.push_str(&format!("{},{},{},{}\n", row[0], row[1], row[2], row[0] - row[1] + row[3]));
    }
    let table = Table::from_reader(text.as_bytes(), &CsvOptions::default()).unwrap();
    let predictor = TabularPredictor::builder("y").fit(&table, ()).unwrap();
    let record = predictor.record();
    assert!(record.setup.hidden.is_empty());
    let linear = &record.baselines[1];
    assert_eq!(
        (linear.name.as_str(), Some(linear.log_likelihood)),
        ("linear", record.figure("log_likelihood"))
    );
    assert_eq!(predictor.signal_to_noise().unwrap().len(), 1);
}

#[test]
fn a_time_limit_shortens_the_training() {
    let table = noisy(300, 1);
    let builder = TabularPredictor::builder("y").setup(Setup {
        steps: 1_000_000,
        max_epochs: 100_000,
        ..setup(300)
    });
    let start = std::time::Instant::now();
    let predictor = builder.time_limit(std::time::Duration::from_secs(4)).fit(&table, ()).unwrap();
    // Generous: other tests run beside it.
    assert!(start.elapsed().as_secs() < 40, "{:?}", start.elapsed());
    assert!(predictor.record().setup.max_epochs < 100_000);
}
